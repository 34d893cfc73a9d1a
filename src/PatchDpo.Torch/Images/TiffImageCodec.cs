using System.IO.Compression;

namespace PatchDpo.Torch.Images;

/// <summary>Reads TIFF: the tags here, the strips through ImageSharp.</summary>
/// <remarks>
/// ImageSharp never sees the file, only a TIFF made here of one plane's strips, without any other tag, as if its bytes were grey pixels:
/// what it unpacks is brought to pixels by <see cref="TiffSamples"/>, with Pillow's rules where ImageSharp's differ (palettes, 16 bits,
/// premultiplied alpha, grey with alpha). It takes strips that end early for black, so their lengths are checked before.
/// </remarks>
internal static class TiffImageCodec
{
    public static bool IsTiff(ReadOnlySpan<byte> bytes) =>
        TiffHeader.TryRead(bytes, out bool bigEndian, out _) && (bigEndian ? bytes[3] : bytes[2]) == 42;

    /// <summary>The first image of the file, as it is stored.</summary>
    public static ImageBuffer Decode(ReadOnlyMemory<byte> file, string source, ImageDecodeOptions options)
    {
        TiffLayout layout = TiffLayout.Read(file, source, options);
        int planeBytes = (int)(layout.RawBytes / layout.Planes), perPlane = layout.Strips.Length / layout.Planes;
        if (layout.Compression == TiffCompression.Deflate)
            CheckDeflate(layout, file, source);
        if (layout.Compression == TiffCompression.Lzw && layout.Strips.Where((s, i) => !TiffLzw.Holds(file.Span[s], layout.RowBytes * layout.RowsOf(i))).Any())
            throw CutOff(layout, source);
        byte[] raw = new byte[layout.RawBytes];
        for (int plane = 0; plane < layout.Planes; plane++)
        {
            byte[] strips = Rewritten(layout, file, plane * perPlane, perPlane);
            ImageSharpCodec.DecodeGreyTiff(strips, (int)layout.RowBytes, layout.Height, source, raw.AsSpan(plane * planeBytes, planeBytes));
        }

        if (layout.IsDifference)
            TiffSamples.AddNeighbours(layout, raw);
        return TiffSamples.ToImage(layout, raw);
    }

    private static void CheckDeflate(TiffLayout layout, ReadOnlyMemory<byte> file, string source)
    {
        byte[] scratch = new byte[1 << 16];
        for (int i = 0; i < layout.Strips.Length; i++)
        {
            long needed = layout.RowBytes * layout.RowsOf(i);
            try
            {
                using var zlib = new ZLibStream(new MemoryStream(file[layout.Strips[i]].ToArray()), CompressionMode.Decompress);
                for (int read; needed > 0 && (read = zlib.Read(scratch, 0, (int)Math.Min(scratch.Length, needed))) > 0;)
                    needed -= read;
            }
            catch (InvalidDataException e)
            {
                throw new InvalidImageException(source, $"the image (TIFF, {layout.Width} x {layout.Height}) is damaged: {e.Message}", e);
            }

            if (needed > 0)
                throw CutOff(layout, source);
        }
    }

    private static InvalidImageException CutOff(TiffLayout layout, string source)
        => new(source, $"the image (TIFF, {layout.Width} x {layout.Height}) is cut off or damaged.");

    /// <summary>A TIFF file of 8-bit grey rows from a plane's strips.</summary>
    private static byte[] Rewritten(TiffLayout layout, ReadOnlyMemory<byte> file, int first, int count) => TiffWriter.Build(
        [
            (256, TiffType.Long, [layout.RowBytes]), (257, TiffType.Long, [layout.Height]), (258, TiffType.Short, [8]),
                (259, TiffType.Short, [(long)layout.Compression]),
            (262, TiffType.Short, [1]), (277, TiffType.Short, [1]), (278, TiffType.Long, [layout.RowsPerStrip]),
        ],
        [.. layout.Strips[first..(first + count)].Select(s => file[s])]);
}
