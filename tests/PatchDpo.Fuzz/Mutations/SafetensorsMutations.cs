using System.Buffers.Binary;
using System.Text;

namespace PatchDpo.Fuzz.Mutations;

/// <summary>Changes of a safetensors header whose length field stays right.</summary>
internal static class SafetensorsMutations
{
    public static readonly IReadOnlyList<Mutation> All = [ChangeHeader, ChangeHeader, ChangeHeader, ChangeData];

    private static byte[] ChangeHeader(byte[] bytes, byte[] partner, Random random)
    {
        if (HeaderLength(bytes) is not { } length)
            return bytes;
        byte[] header = Encoding.UTF8.GetBytes(JsonMutations.Change(Encoding.UTF8.GetString(bytes, sizeof(ulong), length), random));
        byte[] field = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(field, (ulong)header.Length);
        return [.. field, .. header, .. bytes[(sizeof(ulong) + length)..]];
    }

    private static byte[] ChangeData(byte[] bytes, byte[] partner, Random random)
    {
        if (HeaderLength(bytes) is not { } length)
            return bytes;
        return random.Next(2) == 0 ? [.. bytes, .. new byte[random.Next(1, 65)]] : bytes[..random.Next(sizeof(ulong) + length, bytes.Length + 1)];
    }

    private static int? HeaderLength(byte[] bytes)
    {
        if (bytes.Length < sizeof(ulong))
            return null;
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        return length <= (ulong)(bytes.Length - sizeof(ulong)) ? (int)length : null;
    }
}
