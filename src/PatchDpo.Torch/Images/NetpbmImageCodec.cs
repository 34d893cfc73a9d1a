using System.Buffers.Text;

namespace PatchDpo.Torch.Images;

/// <summary>Reads PBM, PGM and PPM, as bytes and as text.</summary>
/// <remarks>
/// Read here, in a few loops: ImageSharp 2.1 scales no largest value, takes text without blanks wrongly, and takes files that are cut off.
/// As Pillow 9.4: samples are scaled from the file's largest value to 255 and rounded half to even. But for grey of 16 bits, which Pillow
/// clips at 255: here it is scaled as RGB is.
/// </remarks>
internal static class NetpbmImageCodec
{
    // Longer numbers are no sizes and no samples.
    private const int MaxDigits = 10;

    public static bool IsNetpbm(ReadOnlySpan<byte> bytes)
        => bytes.Length > 2 && bytes[0] == 'P' && bytes[1] is >= (byte)'1' and <= (byte)'6' && (IsBlank(bytes[2]) || bytes[2] == '#');

    public static ImageBuffer Decode(ReadOnlySpan<byte> bytes, string source, ImageDecodeOptions options)
    {
        int kind = bytes[1] - '0', position = 2;
        bool isText = kind <= 3, isBits = kind is 1 or 4;
        int channels = kind is 3 or 6 ? 3 : 1;
        long width = Number(bytes, ref position), height = Number(bytes, ref position), largest = isBits ? 1 : Number(bytes, ref position);
        if (width < 0 || height < 0 || largest < 0)
            throw new InvalidImageException(source, "the image's header is damaged, or its format is not a known one (PBM, PGM, PPM).");
        ImageLimits.CheckSize(width, height, source, options);
        if (largest is 0 or > ushort.MaxValue)
            throw new InvalidImageException(source, $"the largest value of its samples is {largest}; 1 to {ushort.MaxValue} are possible.");
        // One blank ends the header.
        position++;
        int sampleBytes = largest > byte.MaxValue ? 2 : 1, count = checked((int)(width * height * channels)),
            row = (int)(isBits ? (width + 7) / 8 : width * channels * sampleBytes);
        // In text each sample has a digit, at least.
        if (bytes.Length - position < (isText ? count : row * height))
            throw CutOff();
        byte[] scaled = [.. Enumerable.Range(0, (int)largest + 1).Select(v => (byte)Math.Round(v / (double)largest * 255))];
        byte[] pixels = new byte[count];
        for (int i = 0; i < count; i++)
        {
            long value;
            if (isBits && !isText)
                value = 1 - ((bytes[position + ((int)(i / width) * row) + ((int)(i % width) / 8)] >> (7 - ((int)(i % width) % 8))) & 1);
            else if (!isText)
                value = sampleBytes == 1 ? bytes[position + i] : (bytes[position + (2 * i)] << 8) | bytes[position + (2 * i) + 1];
            else
                value = isBits ? 1 - Number(bytes, ref position, maxDigits: 1) : Number(bytes, ref position);
            if (value < 0 || (isText && value > largest))
                throw position >= bytes.Length ? CutOff()
                    : new InvalidImageException(source, $"the image (Netpbm, {width} x {height}) is damaged: sample {i} is no number from 0 to {largest}.");
            pixels[i] = scaled[Math.Min(value, largest)];
        }

        return new ImageBuffer((int)width, (int)height, channels, pixels);

        InvalidImageException CutOff() => new(source, $"the image (Netpbm, {width} x {height}) is cut off.");
    }

    /// <summary>The next number, after blanks and comments; -1 where there is none. The position is then behind its last digit.</summary>
    private static long Number(ReadOnlySpan<byte> bytes, ref int position, int maxDigits = MaxDigits)
    {
        while (position < bytes.Length && (IsBlank(bytes[position]) || bytes[position] == '#'))
        {
            if (bytes[position++] == '#')
                while (position < bytes.Length && bytes[position] is not ((byte)'\n' or (byte)'\r'))
                    position++;
        }

        ReadOnlySpan<byte> digits = bytes[position..Math.Min(bytes.Length, position + maxDigits)];
        if (digits.IsEmpty || !char.IsAsciiDigit((char)digits[0]) || !Utf8Parser.TryParse(digits, out long value, out int length))
            return -1;
        position += length;
        // The rest of a longer number is no number of its own.
        return maxDigits > 1 && position < bytes.Length && char.IsAsciiDigit((char)bytes[position]) ? -1 : value;
    }

    private static bool IsBlank(byte value) => value is (byte)' ' or (>= 9 and <= 13);
}
