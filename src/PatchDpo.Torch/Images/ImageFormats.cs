namespace PatchDpo.Torch.Images;

/// <summary>The formats of images: which endings name one that <see cref="ImageFile"/> reads, and which it writes.</summary>
public static class ImageFormats
{
    private static readonly string[] FormatsByEnding = [".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".tga", ".ppm", ".pgm", ".pbm"];
    private static readonly (ImageFormat Format, string Name, string Ending)[] Written =
    [
        (ImageFormat.Png, "png", ".png"), (ImageFormat.Tiff, "tiff", ".tiff"), (ImageFormat.Tga, "tga", ".tga"), (ImageFormat.Ppm, "ppm", ".ppm"),
    ];

    /// <summary>
    /// The endings of names by which a folder's images are found, with their dot, in small letters. A file that is named is read whatever its ending.
    /// </summary>
    public static IReadOnlyList<string> Endings { get; } = Array.AsReadOnly(FormatsByEnding);

    /// <summary>The names of the formats that are written, as programs take them: "png", "tiff", "tga", "ppm".</summary>
    public static IReadOnlyList<string> WrittenNames { get; } = Array.AsReadOnly(Array.ConvertAll(Written, w => w.Name));

    /// <summary>Whether a path ends as an image's does, in any case.</summary>
    /// <param name="path">A file's name or path; the file is not opened.</param>
    public static bool HasImageEnding(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return FormatsByEnding.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>The format of a name in <see cref="WrittenNames"/>.</summary>
    /// <param name="name">In any case.</param>
    /// <exception cref="ArgumentException">There is no such format.</exception>
    public static ImageFormat Parse(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        foreach ((ImageFormat format, string known, _) in Written)
            if (known.Equals(name, StringComparison.OrdinalIgnoreCase))
                return format;
        throw new ArgumentException($"'{name}' is no format that images are written in: {string.Join(", ", WrittenNames)}.", nameof(name));
    }

    /// <summary>The ending of a format's files, with its dot.</summary>
    /// <param name="format">The format.</param>
    /// <exception cref="ArgumentOutOfRangeException">The format is unknown.</exception>
    public static string Ending(this ImageFormat format)
    {
        foreach ((ImageFormat known, _, string ending) in Written)
            if (known == format)
                return ending;
        throw new ArgumentOutOfRangeException(nameof(format), format, "Unknown image format.");
    }
}
