using System.Globalization;

namespace PatchDpo.Torch.Images;

/// <summary>How the first image of a TIFF file is stored, of the kinds that are read; all others are refused by name, from the tags alone.</summary>
/// <param name="Width">Width in pixels.</param>
/// <param name="Height">Height in pixels.</param>
/// <param name="Bits">Bits of a sample: 1, 2, 4 (of one sample a pixel), 8 or 16.</param>
/// <param name="Samples">Samples of a pixel: the colours', then alpha's, then others.</param>
/// <param name="Colours">1 (grey or palette) or 3 (RGB).</param>
/// <param name="Alpha">Whether there is alpha, and whether the colours are premultiplied by it.</param>
/// <param name="IsInverted">Whether 0 is white.</param>
/// <param name="Palette">A palette's 16-bit samples, first all red ones, then green, then blue; empty where there is none.</param>
/// <param name="IsPlanar">Whether each sample has a plane of its own.</param>
/// <param name="IsDifference">Whether samples are stored as the difference from their left neighbours.</param>
/// <param name="IsBigEndian">The order of the two bytes of a sample.</param>
/// <param name="Compression">How strips are compressed.</param>
/// <param name="RowsPerStrip">Rows of a strip; the last one of a plane may have fewer.</param>
/// <param name="Strips">Where the strips lie in the file, plane by plane.</param>
internal sealed record TiffLayout(
    int Width, int Height, int Bits, int Samples, int Colours, TiffAlpha Alpha, bool IsInverted, long[] Palette, bool IsPlanar, bool IsDifference,
        bool IsBigEndian,
    TiffCompression Compression, int RowsPerStrip, Range[] Strips)
{
    private const string WayOut = "save it as RGB or grey with 8 or 16 bits, uncompressed or with LZW or ZIP (Deflate), or as PNG";
    private const int MaxSamples = 8;

    private const ushort WidthTag = 256, HeightTag = 257, BitsTag = 258, CompressionTag = 259, PhotometricTag = 262, FillOrderTag = 266, OffsetsTag = 273,
        SamplesTag = 277,
        RowsTag = 278, CountsTag = 279, PlanarTag = 284, PredictorTag = 317, PaletteTag = 320, TileWidthTag = 322, TileOffsetsTag = 324, ExtraTag = 338,
            FormatTag = 339;

    /// <summary>Bytes of a row of a plane.</summary>
    public long RowBytes { get; } = (((long)Width * (IsPlanar ? 1 : Samples) * Bits) + 7) / 8;

    /// <summary>Planes: 1, or one for each sample.</summary>
    public int Planes => IsPlanar ? Samples : 1;

    /// <summary>Bytes of all pixels as they are stored.</summary>
    public long RawBytes => RowBytes * Height * Planes;

    /// <summary>Reads the tags.</summary>
    /// <exception cref="ImageTooLargeException">The image exceeds a limit.</exception>
    /// <exception cref="InvalidImageException">The tags contradict each other or the file, or ask for what is not read.</exception>
    public static TiffLayout Read(ReadOnlyMemory<byte> file, string source, ImageDecodeOptions options)
    {
        var tags = new TiffDirectory(file, source);
        if (tags.Contains(TileWidthTag) || tags.Contains(TileOffsetsTag))
            throw Refused("it is stored in tiles");
        long compression = tags.Number(CompressionTag, 1);
        if (compression is not (1 or 5 or 8 or 32773 or 32946))
            throw Refused($"it is compressed with {CompressionName(compression)}");
        if (tags.Number(FillOrderTag, 1) != 1)
            throw Refused("its bits are stored in reversed order (FillOrder 2)");
        long photometric = tags.Number(PhotometricTag, 1);
        if (photometric is < 0 or > 3)
            throw Refused($"its colours are {PhotometricName(photometric)}");
        long width = tags.Number(WidthTag, 0), height = tags.Number(HeightTag, 0), samples = tags.Number(SamplesTag, 1);
        ImageLimits.CheckSize(width, height, source, options);
        int colours = photometric == 2 ? 3 : 1;
        if (samples < colours || samples > MaxSamples)
            throw Refused(string.Create(CultureInfo.InvariantCulture, $"it has {samples} samples a pixel"));

        long[] bits = tags.Numbers(BitsTag, MaxSamples), formats = tags.Numbers(FormatTag, MaxSamples);
        if (formats.Any(f => f is not (1 or 4)))
            throw Refused(formats.Contains(3) ? "its samples are floating-point numbers" : "its samples are signed or complex numbers");
        long depth = bits.Length > 0 ? bits[0] : 1;
        if (bits.Any(b => b != depth))
            throw Refused($"its samples have different widths ({string.Join(", ", bits)} bits)");
        if (!(depth is 8 or 16 || (depth is 1 or 2 or 4 && samples == 1)) || (photometric == 3 && depth == 16))
            throw Refused($"its samples have {depth} bits");
        long[] palette = photometric == 3 ? tags.Numbers(PaletteTag) : [];
        if (photometric == 3 && palette.Length != 3 << (int)depth)
            throw new InvalidImageException(source, $"the TIFF's palette has {palette.Length} entries, not {3 << (int)depth}.");

        long predictor = compression is 1 or 32773 ? 1 : tags.Number(PredictorTag, 1);
        if (predictor is not (1 or 2) || (predictor == 2 && depth < 8))
            throw Refused($"it has predictor {predictor} over samples of {depth} bits");
        long planar = tags.Number(PlanarTag, 1);
        if (planar is not (1 or 2))
            throw Refused($"its planes are stored in an unknown way ({planar})");
        var layout = new TiffLayout(
            (int)width, (int)height, (int)depth, (int)samples, colours, AlphaOf(tags, samples - colours, colours), photometric == 0, palette, planar == 2
                && samples > 1, predictor == 2,
            tags.IsBigEndian, compression switch { 1 => TiffCompression.None, 5 => TiffCompression.Lzw, 32773 => TiffCompression.PackBits,
                _ => TiffCompression.Deflate },
            (int)Math.Clamp(tags.Number(RowsTag, height), 1, height), []);
        if (layout.RawBytes > Array.MaxLength)
            throw new ImageTooLargeException(source, $"its pixels have {layout.RawBytes} bytes; at most {Array.MaxLength} are allowed.");
        return layout with { Strips = StripsOf(layout, tags, file.Length) };

        InvalidImageException Refused(string why) => new(source, $"this TIFF is not read, because {why}; {WayOut}.");
    }

    /// <summary>The rows of a strip.</summary>
    public int RowsOf(int strip)
    {
        int perPlane = Strips.Length / Planes;
        return Math.Min(RowsPerStrip, Height - (strip % perPlane * RowsPerStrip));
    }

    // As Pillow: four samples of RGB without a word on the fourth are RGBA.
    private static TiffAlpha AlphaOf(TiffDirectory tags, long extra, int colours) => extra == 0 ? TiffAlpha.None
        : tags.Number(ExtraTag, colours == 3 && extra == 1 ? 2 : 0) switch { 1 => TiffAlpha.Premultiplied, 2 or 999 => TiffAlpha.Straight,
            _ => TiffAlpha.None };

    private static Range[] StripsOf(TiffLayout layout, TiffDirectory tags, int fileLength)
    {
        int perPlane = ((layout.Height - 1) / layout.RowsPerStrip) + 1, count = perPlane * layout.Planes;
        long[] offsets = tags.Numbers(OffsetsTag), lengths = tags.Numbers(CountsTag);
        if (offsets.Length < count || (lengths.Length < count && (lengths.Length > 0 || layout.Compression != TiffCompression.None)))
            throw tags.CutOff();
        var strips = new Range[count];
        TiffLayout all = layout with { Strips = strips };
        long compressed = 0;
        for (int i = 0; i < count; i++)
        {
            long needed = layout.RowBytes * all.RowsOf(i);
            // Pillow does not need the lengths of uncompressed strips, and takes no more of them than their rows have.
            long length = layout.Compression == TiffCompression.None ? needed : lengths[i];
            if (offsets[i] + length > fileLength || (layout.Compression == TiffCompression.None && lengths.Length > 0 && lengths[i] < needed))
                throw tags.CutOff();
            strips[i] = (int)offsets[i]..(int)(offsets[i] + length);
            compressed += length;
        }

        // Strips that lie in each other would be unpacked as often as they are named: a small file for hours.
        if (layout.Compression != TiffCompression.None && compressed > fileLength)
            throw new InvalidImageException(tags.Source, "the TIFF's header is damaged: its strips lie in each other.");
        // The most that each compression packs into a byte: more is not there, and nothing is allocated for it.
        int ratio = layout.Compression switch { TiffCompression.None => 1, TiffCompression.PackBits => 64, TiffCompression.Deflate => 1032, _ => 4096 };
        return compressed * ratio >= layout.RawBytes ? strips : throw tags.CutOff();
    }

    private static string CompressionName(long code) => code switch
    {
        2 or 3 or 4 => "a fax code (CCITT)",
        6 or 7 => "JPEG",
        32809 => "ThunderScan",
        34661 => "JBIG",
        34676 or 34677 => "SGI LogLuv",
        34712 or 33003 or 33005 => "JPEG 2000",
        34887 => "LERC",
        34925 => "LZMA",
        50000 => "Zstandard",
        50001 => "WebP",
        50002 or 52546 => "JPEG XL",
        _ => string.Create(CultureInfo.InvariantCulture, $"an unknown method ({code})"),
    };

    private static string PhotometricName(long code) => code switch
    {
        4 => "a transparency mask",
        5 => "CMYK",
        6 => "YCbCr",
        8 or 9 or 10 => "CIELab",
        32803 => "a camera's raw values (CFA), which must be developed first",
        32844 or 32845 => "LogLuv",
        34892 => "a camera's linear raw values, which must be developed first",
        _ => string.Create(CultureInfo.InvariantCulture, $"of an unknown kind ({code})"),
    };
}
