using System.Text;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Images;

/// <summary>Says what bytes are that were given as an image and cannot be read as one, and what to do about it.</summary>
internal static class ForeignImage
{
    private const int StartLength = 512;

    private static readonly (byte[] Magic, int Position, string Meaning)[] Magics =
    [
        ([0, 0, 0, 12, .. "JXL "u8], 0, Convertible("JPEG XL", "djxl picture.jxl picture.png")),
        ([0xFF, 0x0A], 0, Convertible("JPEG XL", "djxl picture.jxl picture.png")),
        ([0, 0, 0, 12, .. "jP  "u8], 0, Convertible("JPEG 2000", "opj_decompress -i picture.jp2 -o picture.png")),
        ([0xFF, 0x4F, 0xFF, 0x51], 0, Convertible("JPEG 2000", "opj_decompress -i picture.j2k -o picture.png")),
        ([.. "8BPS"u8], 0, "this is a Photoshop document (PSD), which is not read; export it as PNG or TIFF."),
        ([.. "gimp xcf"u8], 0, "this is a GIMP document (XCF), which is not read; export it as PNG or TIFF."),
        ([0x76, 0x2F, 0x31, 0x01], 0, Convertible("OpenEXR", "magick picture.exr picture.png")),
        ([.. "#?RADIANCE"u8], 0, Convertible("Radiance HDR", "magick picture.hdr picture.png")),
        ([.. "DDS "u8], 0, Convertible("DirectDraw Surface (DDS)", "magick picture.dds picture.png")),
        ([.. "FUJIFILMCCD-RAW"u8], 0, "this is a camera's raw file, which is not read; develop it to TIFF, PNG or JPEG first."),
        ([.. "%PDF"u8], 0, "this is a PDF document, not an image; export the page as PNG (e.g. pdftoppm -png document.pdf page)."),
        ([.. "PK\x03\x04"u8], 0, "this is a zip file, not an image; unpack it, and give the images that were in it."),
        ([0x1F, 0x8B], 0, "this is packed with gzip; unpack it, and give the image that was in it."),
    ];

    // Brands of the ISO container in which phones and cameras keep photos and videos.
    private static readonly string[] Avif = ["avif", "avis"];
    private static readonly string[] Heic = ["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"];

    /// <summary>What they are, as a sentence; null where the beginning does not tell.</summary>
    public static string? Describe(ReadOnlySpan<byte> file)
    {
        if (TiffHeader.IsBig(file))
            return "this is a BigTIFF, which is not read; save it as an ordinary TIFF or as PNG (e.g. tiffcp picture.tif small.tif).";
        if (file.Length >= 12 && file[4..].StartsWith("ftyp"u8))
            return OfContainer(file[8..Math.Min(file.Length, StartLength)]);
        foreach ((byte[] magic, int position, string meaning) in Magics)
            if (file.Length > position && file[position..].StartsWith(magic))
                return meaning;
        return OfText(file[..Math.Min(file.Length, StartLength)]);
    }

    private static string OfContainer(ReadOnlySpan<byte> brands)
    {
        string all = Encoding.Latin1.GetString(brands);
        // The first brand is the file's own; "mif1" may be either's.
        string own = all[..4];
        if (Avif.Contains(own) || (own is "mif1" or "msf1" && Avif.Any(b => all.Contains(b, StringComparison.Ordinal))))
            return Convertible("AVIF", "avifdec picture.avif picture.png");
        return Heic.Contains(own)
            ? Convertible("HEIC/HEIF, as phones take it,", "heif-convert photo.heic photo.png", "; a phone can also be told to take JPEG")
            : own == "crx " ? "this is a camera's raw file (CR3), which is not read; develop it to TIFF, PNG or JPEG first."
            : "this is a video or another ISO media file (MP4, MOV), not an image; export a frame as PNG.";
    }

    private static string? OfText(ReadOnlySpan<byte> start)
    {
        string text = Encoding.Latin1.GetString(start.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]) ? start[3..] : start).TrimStart();
        if (text.StartsWith("<svg", StringComparison.OrdinalIgnoreCase)
            || (text.StartsWith("<?xml", StringComparison.OrdinalIgnoreCase) && text.Contains("<svg", StringComparison.OrdinalIgnoreCase)))
            return Convertible("an SVG drawing", "rsvg-convert drawing.svg -o drawing.png");
        return Placeholder.Describe(text, "image");
    }

    private static string Convertible(string kind, string command, string more = "") =>
        $"this is {(kind.StartsWith("an ", StringComparison.Ordinal) ? kind : $"an image in the format {kind}")}{(kind.EndsWith(',') ? "" : ",")} which is "
            + $"not read; convert it to PNG or JPEG first (e.g. {command}){more}.";
}
