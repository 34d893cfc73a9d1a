using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace PatchDpo.Torch.Weights.Pickle;

/// <summary>The checksum of zip files (CRC-32, polynomial 0xEDB88320), eight bytes at a time.</summary>
internal static class Crc32
{
    private static readonly uint[][] Tables = MakeTables();

    /// <summary>The checksum of bytes.</summary>
    public static uint Of(ReadOnlySpan<byte> bytes) => ~Continue(uint.MaxValue, bytes);

    /// <summary>The checksum of a part of a file, or null where the file ends before it.</summary>
    public static uint? Of(SafeFileHandle file, long position, long length)
    {
        byte[] buffer = new byte[(int)Math.Min(length, 1 << 20)];
        uint crc = uint.MaxValue;
        while (length > 0)
        {
            Span<byte> piece = buffer.AsSpan(0, (int)Math.Min(length, buffer.Length));
            if (!TensorBytes.TryRead(file, position, piece))
                return null;
            crc = Continue(crc, piece);
            position += piece.Length;
            length -= piece.Length;
        }
        return ~crc;
    }

    /// <summary>Takes more bytes into a running checksum, which begins with all bits set and whose complement is the checksum.</summary>
    public static uint Continue(uint crc, ReadOnlySpan<byte> bytes)
    {
        uint[][] t = Tables;
        for (; bytes.Length >= 8; bytes = bytes[8..])
        {
            uint low = BinaryPrimitives.ReadUInt32LittleEndian(bytes) ^ crc, high = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
            crc = t[7][low & 0xff] ^ t[6][(low >> 8) & 0xff] ^ t[5][(low >> 16) & 0xff] ^ t[4][low >> 24]
                ^ t[3][high & 0xff] ^ t[2][(high >> 8) & 0xff] ^ t[1][(high >> 16) & 0xff] ^ t[0][high >> 24];
        }
        foreach (byte b in bytes)
            crc = (crc >> 8) ^ t[0][(crc ^ b) & 0xff];
        return crc;
    }

    private static uint[][] MakeTables()
    {
        uint[][] tables = [.. Enumerable.Range(0, 8).Select(_ => new uint[256])];
        for (uint i = 0; i < 256; i++)
        {
            uint value = i;
            for (int bit = 0; bit < 8; bit++)
                value = (value & 1) != 0 ? (value >> 1) ^ 0xEDB88320 : value >> 1;
            tables[0][i] = value;
        }
        for (int k = 1; k < 8; k++)
        {
            for (int i = 0; i < 256; i++)
                tables[k][i] = (tables[k - 1][i] >> 8) ^ tables[0][tables[k - 1][i] & 0xff];
        }
        return tables;
    }
}
