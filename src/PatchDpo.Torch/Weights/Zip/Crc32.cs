using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Microsoft.Win32.SafeHandles;

namespace PatchDpo.Torch.Weights.Zip;

/// <summary>The checksum of zip files (CRC-32, polynomial 0xEDB88320) over bytes that come in pieces.</summary>
/// <remarks>
/// Where the processor multiplies without carry, 256 or 64 bytes at a time are folded into as many, as Gopal et al. describe ("Fast
/// CRC Computation for Generic Polynomials Using PCLMULQDQ", Intel 2009); elsewhere, and for what is left, eight bytes at a time
/// go through tables.
/// </remarks>
internal sealed class Crc32
{
    private const int WideLength = 256, FoldLength = 64, ReadLength = 1 << 20;

    // To move bits by n: x^(n+32) and x^(n-32) modulo the polynomial, bits in reverse.
    private static readonly Vector128<ulong> By128 = Vector128.Create(0x1_7519_97d0ul, 0x0_ccaa_009eul);
    private static readonly Vector128<ulong> By512 = Vector128.Create(0x1_5444_2bd4ul, 0x1_c6e4_1596ul);
    private static readonly Vector128<ulong> By2048 = Vector128.Create(0x1_1542_778aul, 0x1_322d_1430ul);

    private static readonly uint[][] Tables = MakeTables();

    private uint _state = uint.MaxValue;

    /// <summary>The checksum of the bytes so far.</summary>
    public uint Value => ~_state;

    /// <summary>The checksum of bytes.</summary>
    public static uint Of(ReadOnlySpan<byte> bytes)
    {
        Crc32 crc = new();
        crc.Append(bytes);
        return crc.Value;
    }

    /// <summary>The checksum of a part of a file, or null where the file ends before it.</summary>
    public static uint? Of(SafeFileHandle file, long position, long length)
    {
        byte[] buffer = new byte[(int)Math.Min(length, ReadLength)];
        Crc32 crc = new();
        while (length > 0)
        {
            Span<byte> piece = buffer.AsSpan(0, (int)Math.Min(length, buffer.Length));
            if (!TensorBytes.TryRead(file, position, piece))
                return null;
            crc.Append(piece);
            position += piece.Length;
            length -= piece.Length;
        }
        return crc.Value;
    }

    /// <summary>Takes the next bytes.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (Pclmulqdq.V512.IsSupported && bytes.Length >= WideLength)
        {
            int folded = bytes.Length / WideLength * WideLength;
            _state = FoldWide(_state, bytes[..folded]);
            bytes = bytes[folded..];
        }
        if (Pclmulqdq.IsSupported && bytes.Length >= FoldLength)
        {
            int folded = bytes.Length / FoldLength * FoldLength;
            _state = Fold(_state, bytes[..folded]);
            bytes = bytes[folded..];
        }
        _state = Continue(_state, bytes);
    }

    /// <summary>The state after a multiple of 64 bytes.</summary>
    private static uint Fold(uint state, ReadOnlySpan<byte> bytes)
    {
        Vector128<ulong> by512 = By512, by128 = By128;
        ReadOnlySpan<Vector128<ulong>> blocks = MemoryMarshal.Cast<byte, Vector128<ulong>>(bytes);
        Vector128<ulong> a = blocks[0] ^ Vector128.CreateScalar((ulong)state), b = blocks[1], c = blocks[2], d = blocks[3];
        for (int i = 4; i < blocks.Length - 3; i += 4)
        {
            a = Shift(a, by512) ^ blocks[i];
            b = Shift(b, by512) ^ blocks[i + 1];
            c = Shift(c, by512) ^ blocks[i + 2];
            d = Shift(d, by512) ^ blocks[i + 3];
        }
        a = Shift(Shift(Shift(a, by128) ^ b, by128) ^ c, by128) ^ d;
        // What is left has the whole's remainder: the tables do the division.
        return Continue(0, MemoryMarshal.AsBytes(new ReadOnlySpan<Vector128<ulong>>(in a)));
    }

    /// <summary>The state after a multiple of 256 bytes.</summary>
    private static uint FoldWide(uint state, ReadOnlySpan<byte> bytes)
    {
        Vector512<ulong> by2048 = Lanes(By2048), by512 = Lanes(By512);
        ReadOnlySpan<Vector512<ulong>> blocks = MemoryMarshal.Cast<byte, Vector512<ulong>>(bytes);
        Vector512<ulong> a = blocks[0] ^ Vector512.CreateScalar((ulong)state), b = blocks[1], c = blocks[2], d = blocks[3];
        for (int i = 4; i < blocks.Length - 3; i += 4)
        {
            a = Shift(a, by2048) ^ blocks[i];
            b = Shift(b, by2048) ^ blocks[i + 1];
            c = Shift(c, by2048) ^ blocks[i + 2];
            d = Shift(d, by2048) ^ blocks[i + 3];
        }
        a = Shift(Shift(Shift(a, by512) ^ b, by512) ^ c, by512) ^ d;
        return Continue(0, MemoryMarshal.AsBytes(new ReadOnlySpan<Vector512<ulong>>(in a)));
    }

    private static Vector512<ulong> Lanes(Vector128<ulong> lane) => Vector512.Create(Vector256.Create(lane, lane), Vector256.Create(lane, lane));

    private static Vector512<ulong> Shift(Vector512<ulong> value, Vector512<ulong> powers) =>
        Pclmulqdq.V512.CarrylessMultiply(value, powers, 0x00) ^ Pclmulqdq.V512.CarrylessMultiply(value, powers, 0x11);

    private static Vector128<ulong> Shift(Vector128<ulong> value, Vector128<ulong> powers) =>
        Pclmulqdq.CarrylessMultiply(value, powers, 0x00) ^ Pclmulqdq.CarrylessMultiply(value, powers, 0x11);

    private static uint Continue(uint crc, ReadOnlySpan<byte> bytes)
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
