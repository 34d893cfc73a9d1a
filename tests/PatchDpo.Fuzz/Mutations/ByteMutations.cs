using System.Buffers.Binary;

namespace PatchDpo.Fuzz.Mutations;

/// <summary>Changes that suit any file.</summary>
internal static class ByteMutations
{
    private const int MaxBlock = 64;

    public static readonly IReadOnlyList<Mutation> All =
    [
        FlipBits, SetBytes, CopyBlock, DeleteBlock, InsertBlock, SetInteger, AddToInteger, Splice, Cut,
    ];

    /// <summary>Numbers at which arithmetic goes wrong.</summary>
    public static readonly IReadOnlyList<long> Integers =
    [
        0, 1, 2, 3, 4, 7, 8, 16, 63, 64, 65, 100, 127, 128, 255, 256, 1000, 4096, 32_767, 32_768, 65_535, 65_536, 1_000_000, 100_000_000, 100_000_001,
        int.MaxValue, int.MinValue, uint.MaxValue, 1L << 32, (1L << 32)
            + 1, 1L << 40, 1L << 52, 1L << 61, 1L << 62, long.MaxValue - 1, long.MaxValue, long.MinValue, -1, -2, -8,
    ];

    public static long Integer(Random random) => Integers[random.Next(Integers.Count)];

    private static byte[] FlipBits(byte[] bytes, byte[] partner, Random random)
    {
        byte[] changed = [.. bytes];
        for (int i = random.Next(1, 9); i > 0 && changed.Length > 0; i--)
            changed[random.Next(changed.Length)] ^= (byte)(1 << random.Next(8));
        return changed;
    }

    private static byte[] SetBytes(byte[] bytes, byte[] partner, Random random)
    {
        byte[] changed = [.. bytes];
        byte[] likely = [0, 1, 0x7f, 0x80, 0xff, (byte)'"', (byte)'{', (byte)'}', (byte)'[', (byte)',', (byte)'/', (byte)'.', (byte)'(', (byte)'R'];
        for (int i = random.Next(1, 5); i > 0 && changed.Length > 0; i--)
            changed[random.Next(changed.Length)] = random.Next(2) == 0 ? likely[random.Next(likely.Length)] : (byte)random.Next(256);
        return changed;
    }

    private static byte[] CopyBlock(byte[] bytes, byte[] partner, Random random)
    {
        (int begin, int length) = Block(bytes, random);
        byte[] changed = [.. bytes];
        bytes.AsSpan(begin, length).CopyTo(changed.AsSpan(random.Next(changed.Length - length + 1)));
        return changed;
    }

    private static byte[] DeleteBlock(byte[] bytes, byte[] partner, Random random)
    {
        (int begin, int length) = Block(bytes, random);
        return [.. bytes[..begin], .. bytes[(begin + length)..]];
    }

    private static byte[] InsertBlock(byte[] bytes, byte[] partner, Random random)
    {
        (int begin, int length) = Block(partner, random);
        int at = random.Next(bytes.Length + 1);
        return [.. bytes[..at], .. partner.AsSpan(begin, length), .. bytes[at..]];
    }

    private static byte[] SetInteger(byte[] bytes, byte[] partner, Random random) => ChangeInteger(bytes, random, _ => Integer(random));

    private static byte[] AddToInteger(byte[] bytes, byte[] partner, Random random) => ChangeInteger(bytes, random, value => value + random.Next(-16, 17));

    private static byte[] Splice(byte[] bytes, byte[] partner, Random random) =>
        [.. bytes[..random.Next(bytes.Length + 1)], .. partner[random.Next(partner.Length + 1)..]];

    private static byte[] Cut(byte[] bytes, byte[] partner, Random random) => bytes[..random.Next(bytes.Length + 1)];

    private static (int Begin, int Length) Block(byte[] bytes, Random random)
    {
        int length = Math.Min(random.Next(1, MaxBlock + 1), bytes.Length);
        return (random.Next(bytes.Length - length + 1), length);
    }

    // Fields are 1, 2, 4 or 8 bytes long; all but a pickle's floats are little-endian.
    private static byte[] ChangeInteger(byte[] bytes, Random random, Func<long, long> change)
    {
        int length = 1 << random.Next(4);
        if (bytes.Length < length)
            return bytes;
        byte[] changed = [.. bytes];
        Span<byte> field = changed.AsSpan(random.Next(changed.Length - length + 1), length), whole = stackalloc byte[sizeof(long)];
        whole.Clear();
        field.CopyTo(whole);
        BinaryPrimitives.WriteInt64LittleEndian(whole, change(BinaryPrimitives.ReadInt64LittleEndian(whole)));
        whole[..length].CopyTo(field);
        return changed;
    }
}
