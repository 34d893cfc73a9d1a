using System.Buffers.Binary;

namespace PatchDpo.Fuzz.Mutations;

/// <summary>Changes that know where the formats of images keep what readers believe.</summary>
internal static class ImageMutations
{
    public static readonly IReadOnlyList<Mutation> All = [ChangeTag, ChangeTag, ChangeChunk, ChangeHeader];

    private static readonly uint[] Interesting = [0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 32, 255, 256, 32767, 32773, 32946, 65535, 65536, 0x7FFFFFFF, 0x80000000,
        0xFFFFFFFF];

    /// <summary>A PNG with another chunk before its pixels.</summary>
    public static byte[] WithChunk(byte[] png, ReadOnlySpan<byte> type, byte[] data)
    {
        int pixels = png.AsSpan().IndexOf("IDAT"u8) - 4;
        return [.. png[..pixels], .. Chunk(type, data), .. png[pixels..]];
    }

    // One field of one entry of a TIFF's directory.
    private static byte[] ChangeTag(byte[] bytes, byte[] partner, Random random)
    {
        if (!bytes.AsSpan().StartsWith("II*\0"u8) || bytes.Length < 8)
            return bytes;
        uint directory = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(4));
        if (directory > bytes.Length - 14)
            return bytes;
        int entries = Math.Min(BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan((int)directory)), (bytes.Length - (int)directory - 2) / 12);
        if (entries == 0)
            return bytes;
        byte[] changed = [.. bytes];
        Span<byte> entry = changed.AsSpan((int)directory + 2 + (12 * random.Next(entries)), 12);
        uint value = random.Next(3) == 0 ? (uint)random.Next(bytes.Length * 2) : Interesting[random.Next(Interesting.Length)];
        switch (random.Next(6))
        {
            case 0:
                BinaryPrimitives.WriteUInt16LittleEndian(entry, (ushort)(254 + random.Next(90)));
                break;
            case 1:
                BinaryPrimitives.WriteUInt16LittleEndian(entry[2..], (ushort)random.Next(18));
                break;
            case 2:
                BinaryPrimitives.WriteUInt32LittleEndian(entry[4..], value);
                break;
            default:
                BinaryPrimitives.WriteUInt32LittleEndian(entry[8..], value);
                break;
        }
        return changed;
    }

    // The data of one chunk of a PNG, with the right checksum.
    private static byte[] ChangeChunk(byte[] bytes, byte[] partner, Random random)
    {
        if (bytes.Length < 20 || !bytes.AsSpan(1).StartsWith("PNG"u8))
            return bytes;
        List<int> chunks = [];
        for (long position = 8; position + 12 <= bytes.Length; position += 12 + (long)BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan((int)position)))
            chunks.Add((int)position);
        int chosen = chunks[random.Next(chunks.Count)];
        uint length = BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(chosen));
        if (length == 0 || length > bytes.Length - chosen - 12)
            return bytes;
        byte[] data = bytes[(chosen + 8)..(chosen + 8 + (int)length)];
        data[random.Next(data.Length)] = (byte)random.Next(256);
        return [.. bytes[..chosen], .. Chunk(bytes.AsSpan(chosen + 4, 4), random.Next(4) == 0 ? data[..random.Next(data.Length)] : data),
            .. bytes[(chosen + 12 + (int)length)..]];
    }

    // The first bytes, where TGA, Netpbm and WebP have their sizes.
    private static byte[] ChangeHeader(byte[] bytes, byte[] partner, Random random)
    {
        if (bytes.Length == 0)
            return bytes;
        byte[] changed = [.. bytes];
        changed[random.Next(Math.Min(bytes.Length, 32))] = (byte)Interesting[random.Next(Interesting.Length)];
        return changed;
    }

    private static byte[] Chunk(ReadOnlySpan<byte> type, byte[] data)
    {
        byte[] chunk = [0, 0, 0, 0, .. type, .. data, 0, 0, 0, 0];
        BinaryPrimitives.WriteInt32BigEndian(chunk, data.Length);
        uint crc = 0xFFFFFFFF;
        foreach (byte b in chunk.AsSpan(4, data.Length + 4))
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320 : crc >> 1;
        }
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(data.Length + 8), ~crc);
        return chunk;
    }
}
