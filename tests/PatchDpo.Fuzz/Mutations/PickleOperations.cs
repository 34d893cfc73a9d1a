using System.Buffers.Binary;

namespace PatchDpo.Fuzz.Mutations;

/// <summary>Cuts pickles into their operations, each an opcode with its argument.</summary>
internal static class PickleOperations
{
    /// <summary>The operations of all pickles that follow one another, and the bytes after the last one's STOP that are no operations.</summary>
    /// <param name="bytes">One or more pickles.</param>
    /// <param name="count">Number of pickles.</param>
    public static (List<byte[]> Operations, byte[] Tail) Split(byte[] bytes, int count)
    {
        List<byte[]> operations = [];
        int at = 0;
        while (at < bytes.Length && count > 0)
        {
            int length = Math.Min(Length(bytes.AsSpan(at)), bytes.Length - at);
            operations.Add(bytes[at..(at + length)]);
            if (bytes[at] == (byte)'.')
                count--;
            at += length;
        }
        return (operations, bytes[at..]);
    }

    private static int Length(ReadOnlySpan<byte> bytes) => bytes[0] switch
    {
        (byte)'K' or (byte)'h' or (byte)'q' or 0x80 or 0x82 => 2,
        (byte)'M' or 0x83 => 3,
        (byte)'J' or (byte)'j' or (byte)'r' or 0x84 => 5,
        (byte)'G' or 0x95 => 9,
        (byte)'U' or (byte)'C' or 0x8a or 0x8c => 2 + Field(bytes, 1),
        (byte)'T' or (byte)'X' or (byte)'B' or 0x8b => 5 + Field(bytes, 4),
        0x8d or 0x8e or 0x96 => 9 + Field(bytes, 8),
        (byte)'c' or (byte)'i' => 1 + Lines(bytes[1..]),
        _ => 1,
    };

    private static int Field(ReadOnlySpan<byte> bytes, int size)
    {
        if (bytes.Length <= size)
            return 0;
        Span<byte> whole = stackalloc byte[sizeof(ulong)];
        whole.Clear();
        bytes.Slice(1, size).CopyTo(whole);
        return (int)Math.Min(BinaryPrimitives.ReadUInt64LittleEndian(whole), (ulong)bytes.Length);
    }

    private static int Lines(ReadOnlySpan<byte> bytes)
    {
        int first = bytes.IndexOf((byte)'\n') + 1;
        int second = bytes[first..].IndexOf((byte)'\n') + 1;
        return first > 0 && second > 0 ? first + second : bytes.Length;
    }
}
