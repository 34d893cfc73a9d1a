using System.Buffers.Binary;

namespace PatchDpo.Torch.Images;

/// <summary>From a TIFF's unpacked bytes to 8-bit pixels, as Pillow takes them.</summary>
internal static class TiffSamples
{
    /// <summary>Undoes the predictor in place: each sample is the sum of those of its channel left of it.</summary>
    public static void AddNeighbours(TiffLayout layout, Span<byte> raw)
    {
        int step = layout.IsPlanar ? 1 : layout.Samples, length = (int)layout.RowBytes;
        for (int start = 0; start < raw.Length; start += length)
        {
            Span<byte> row = raw.Slice(start, length);
            if (layout.Bits == 8)
            {
                for (int i = step; i < row.Length; i++)
                    row[i] += row[i - step];
                continue;
            }

            for (int i = 2 * step; i < row.Length; i += 2)
                Write16(layout, row[i..], (ushort)(Read16(layout, row[i..]) + Read16(layout, row[(i - (2 * step))..])));
        }
    }

    /// <summary>The image: grey, RGB or RGBA.</summary>
    public static ImageBuffer ToImage(TiffLayout layout, ReadOnlySpan<byte> raw)
    {
        bool hasAlpha = layout.Alpha != TiffAlpha.None, isGrey = layout.Colours == 1 && layout.Palette.Length == 0;
        int channels = hasAlpha ? 4 : isGrey ? 1 : 3;
        // The usual ones are there already.
        if (layout is { Bits: 8, IsPlanar: false, IsInverted: false, Alpha: not TiffAlpha.Premultiplied } && layout.Samples == channels
            && layout.Samples == layout.Colours + (hasAlpha ? 1 : 0) && layout.Palette.Length == 0)
            return new ImageBuffer(layout.Width, layout.Height, channels, raw.ToArray());
        byte[] pixels = new byte[checked(layout.Width * layout.Height * channels)];
        Span<byte> pixel = stackalloc byte[4];
        int largest = (1 << Math.Min(layout.Bits, 8)) - 1, entries = layout.Palette.Length / 3;
        for (int y = 0, target = 0; y < layout.Height; y++)
        {
            for (int x = 0; x < layout.Width; x++, target += channels)
            {
                if (entries > 0)
                {
                    int index = Sample(layout, raw, x, y, 0);
                    // Its high bytes, as Pillow.
                    for (int c = 0; c < 3; c++)
                        pixel[c] = (byte)(layout.Palette[(c * entries) + index] >> 8);
                }
                else
                {
                    for (int c = 0; c < 3; c++)
                    {
                        int value = c < layout.Colours ? Sample(layout, raw, x, y, c) : pixel[0];
                        pixel[c] = c < layout.Colours ? (byte)((layout.IsInverted ? largest - value : value) * 255 / largest) : pixel[0];
                    }
                }

                if (hasAlpha)
                    pixel[3] = (byte)Sample(layout, raw, x, y, layout.Colours);
                pixel[..channels].CopyTo(pixels.AsSpan(target));
            }
        }

        if (layout.Alpha == TiffAlpha.Premultiplied)
            AlphaPremultiplication.DivideInPlace(pixels);
        return new ImageBuffer(layout.Width, layout.Height, channels, pixels);
    }

    // Of 16 bits the high byte.
    private static int Sample(TiffLayout layout, ReadOnlySpan<byte> raw, int x, int y, int sample)
    {
        int plane = layout.IsPlanar ? sample : 0, row = ((plane * layout.Height) + y) * (int)layout.RowBytes;
        int index = layout.IsPlanar ? x : (x * layout.Samples) + sample;
        if (layout.Bits == 8)
            return raw[row + index];
        if (layout.Bits == 16)
            return raw[row + (2 * index) + (layout.IsBigEndian ? 0 : 1)];
        int bit = index * layout.Bits;
        return (raw[row + (bit / 8)] >> (8 - layout.Bits - (bit % 8))) & ((1 << layout.Bits) - 1);
    }

    private static ushort Read16(TiffLayout layout, ReadOnlySpan<byte> bytes) =>
        layout.IsBigEndian ? BinaryPrimitives.ReadUInt16BigEndian(bytes) : BinaryPrimitives.ReadUInt16LittleEndian(bytes);

    private static void Write16(TiffLayout layout, Span<byte> bytes, ushort value)
    {
        if (layout.IsBigEndian)
            BinaryPrimitives.WriteUInt16BigEndian(bytes, value);
        else
            BinaryPrimitives.WriteUInt16LittleEndian(bytes, value);
    }
}
