using System.Buffers.Binary;

namespace PatchDpo.Torch.Images;

/// <summary>Reads Truevision TGA: the header here, the pixels through ImageSharp.</summary>
/// <remarks>
/// The format has no magic number: a file is taken for one if its header makes sense throughout. What is read is grey, grey with alpha, RGB, RGBA and
/// palettes of RGB, as they are or run-length encoded, from any corner, as Pillow 9.4 has them;
/// alpha counts in every picture of 32 bits, as there.
/// </remarks>
internal static class TgaImageCodec
{
    private const int HeaderLength = 18;

    /// <summary>Whether the header makes sense; without a palette, what tells of one must be zero, so that no cursor (CUR) passes.</summary>
    public static bool IsTga(ReadOnlySpan<byte> bytes) => bytes.Length > HeaderLength
        && bytes[1] <= 1 && bytes[2] is 1 or 2 or 3 or 9 or 10 or 11 && (bytes[2] & 7) == 1 == (bytes[1] == 1)
        && bytes[16] is 8 or 15 or 16 or 24 or 32 && (bytes[17] & 0xC0) == 0
        && (bytes[1] == 0 ? bytes[3..8].IndexOfAnyExcept((byte)0) < 0 : bytes[7] is 15 or 16 or 24 or 32);

    public static ImageBuffer Decode(ReadOnlyMemory<byte> file, string source, ImageDecodeOptions options)
    {
        ReadOnlySpan<byte> bytes = file.Span;
        int width = BinaryPrimitives.ReadUInt16LittleEndian(bytes[12..]), height = BinaryPrimitives.ReadUInt16LittleEndian(bytes[14..]);
        ImageLimits.CheckSize(width, height, source, options);
        int kind = bytes[2] & 7, bits = bytes[16], paletteStart = BinaryPrimitives.ReadUInt16LittleEndian(bytes[3..]),
            paletteLength = BinaryPrimitives.ReadUInt16LittleEndian(bytes[5..]);
        bool isPacked = (bytes[2] & 8) != 0;
        if (!(kind switch { 1 => bits == 8 && bytes[7] == 24 && paletteStart == 0, 2 => bits is 24 or 32, _ => bits is 8 or 16 }))
        {
            throw new InvalidImageException(source, "this TGA is not read, because its colours have 15 or 16 bits, or its palette is not one of 24 bits "
                + "that begins with entry 0; "
                + "save it with 24 or 32 bits, or as PNG.");
        }

        int start = HeaderLength + bytes[0] + (kind == 1 ? paletteLength * 3 : 0);
        long needed = (long)width * height;
        int pixelBytes = bits / 8;
        if (!(isPacked ? HoldsPackets(bytes, start, needed, pixelBytes) : start + (needed * pixelBytes) <= bytes.Length))
            throw new InvalidImageException(source, $"the image (TGA, {width} x {height}) is cut off.");
        if (kind == 1 && !isPacked && bytes[start..(int)(start + needed)].ContainsAnyInRange((byte)Math.Min(paletteLength, 255), byte.MaxValue)
            && paletteLength < 256)
            throw new InvalidImageException(source, $"the image (TGA, {width} x {height}) is damaged: a pixel's colour is not in the palette.");

        byte[] copy = file.ToArray();
        // The low bits say how many bits are alpha, which many writers leave at 0.
        copy[17] = (byte)((copy[17] & 0xF0) | (bits == 32 || (kind == 3 && bits == 16) ? 8 : 0));
        int channels = kind == 3 && bits == 8 ? 1 : kind == 3 || bits == 32 ? 4 : 3;
        return ImageSharpCodec.DecodeTga(copy, width, height, channels, source);
    }

    /// <summary>Whether the packets give all pixels: a byte that counts, then one pixel for all or each one.</summary>
    private static bool HoldsPackets(ReadOnlySpan<byte> bytes, long position, long pixels, int pixelBytes)
    {
        while (pixels > 0 && position < bytes.Length)
        {
            int count = (bytes[(int)position] & 0x7F) + 1;
            position += 1 + ((bytes[(int)position] & 0x80) != 0 ? pixelBytes : (long)count * pixelBytes);
            pixels -= count;
        }

        return pixels <= 0 && position <= bytes.Length;
    }
}
