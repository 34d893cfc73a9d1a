using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Images;

/// <summary>Reads images of untrusted origin, and writes them.</summary>
/// <remarks>
/// <para>Reads JPEG (also CMYK), PNG, GIF, WebP, BMP and ICO through SkiaSharp 2.88, TIFF and TGA through SixLabors.ImageSharp 2.1, and
/// PBM, PGM and PPM; of an animation or of several pages, the first. The content decides, not the name. The pixels equal those of
/// Pillow 9.4 (<c>Image.open(...).convert("RGB")</c>) byte for byte on all 158 DreamBench photos, and on JPEGs of every chroma subsampling, baseline
/// and progressive, CMYK JPEG, PNG, WebP, BMP, TIFF (uncompressed, PackBits, LZW, Deflate), TGA and PPM; as
/// there, colour profiles and gamma are ignored. Colours under transparent pixels are kept, as <c>convert("RGB")</c> keeps them.</para>
/// <para>An image stands upright where Pillow's <c>exif_transpose</c> turns it: by EXIF in JPEG, PNG (also behind the pixels, as raw
/// profile and as XMP), WebP and TIFF. A TIFF is turned once (Pillow 9.4 turns it when it loads it, and <c>exif_transpose</c> again).</para>
/// <para>Known differences: 16-bit grey (PNG, TIFF) keeps its high byte, as 16-bit RGB does in both, where Pillow clips samples at 255, which
/// leaves a white picture. Grey stays one channel; palettes become RGB or RGBA; grey with alpha becomes RGBA.</para>
/// </remarks>
public static class ImageFile
{
    /// <summary>Reads an image file.</summary>
    /// <param name="path">The file; its name's ending does not matter.</param>
    /// <param name="options">Limits; null for the defaults.</param>
    /// <returns>The upright image: grey, RGB or RGBA.</returns>
    /// <exception cref="FileNotFoundException">There is no such file, or the path is a link that leads nowhere.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    /// <exception cref="ImageTooLargeException">The file or the image exceeds a limit; nothing was decoded.</exception>
    /// <exception cref="InvalidImageException">
    /// The path is a folder, a pipe, a device or a socket; or the bytes are no image, or are damaged or cut off.
    /// </exception>
    public static ImageBuffer Load(string path, ImageDecodeOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new ImageDecodeOptions();
        using FileStream stream = RegularFile.OpenRead(path, kind => new InvalidImageException(path, $"this is {kind}, not an image file."));
        if (stream.Length > options.MaxFileBytes)
            throw new ImageTooLargeException(path, $"the file has {stream.Length} bytes; at most {options.MaxFileBytes} are allowed.");
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return Decode(bytes, path, options);
    }

    /// <summary>Decodes an image in memory.</summary>
    /// <param name="bytes">The encoded image.</param>
    /// <param name="source">What errors call it, e.g. the file.</param>
    /// <param name="options">Limits; null for the defaults.</param>
    /// <returns>The upright image: grey, RGB or RGBA.</returns>
    /// <exception cref="ImageTooLargeException">The image exceeds a limit; nothing was decoded.</exception>
    /// <exception cref="InvalidImageException">The bytes are no image, or are damaged or cut off.</exception>
    public static ImageBuffer Decode(ReadOnlyMemory<byte> bytes, string source, ImageDecodeOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        options ??= new ImageDecodeOptions();
        if (bytes.IsEmpty)
            throw new InvalidImageException(source, "there are no bytes in it: a download or a copy was cut off; get the image again.");
        ImageBuffer image = TiffImageCodec.IsTiff(bytes.Span) ? TiffImageCodec.Decode(bytes, source, options)
            : NetpbmImageCodec.IsNetpbm(bytes.Span) ? NetpbmImageCodec.Decode(bytes.Span, source, options)
            : TgaImageCodec.IsTga(bytes.Span) ? TgaImageCodec.Decode(bytes, source, options)
            : DecodeOther(bytes, source, options);
        return options.ApplyOrientation ? Orientation.Apply(image, OrientationReader.Read(bytes.Span)) : image;
    }

    /// <summary>Writes an image file in any of the formats; it appears whole or not at all.</summary>
    /// <param name="path">The file to make or replace; its ending is not looked at.</param>
    /// <param name="image">Grey, RGB or RGBA; stored as such, without loss.</param>
    /// <param name="format">The format.</param>
    /// <exception cref="ArgumentException">The format keeps no transparency, and the image has it.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(string path, ImageBuffer image, ImageFormat format)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        byte[] bytes = Encode(image, format);
        AtomicFile.Write(path, stream => stream.Write(bytes));
    }

    /// <summary>Encodes an image.</summary>
    /// <param name="image">Grey, RGB or RGBA; stored as such, without loss.</param>
    /// <param name="format">The format.</param>
    /// <returns>The bytes of a file; the same for the same image.</returns>
    /// <exception cref="ArgumentException">The format keeps no transparency, and the image has it.</exception>
    public static byte[] Encode(ImageBuffer image, ImageFormat format)
    {
        ArgumentNullException.ThrowIfNull(image);
        return format switch
        {
            ImageFormat.Png => SkiaImageCodec.EncodePng(image),
            ImageFormat.Tiff => TiffWriter.Encode(image),
            _ => ImageSharpCodec.Encode(image, format),
        };
    }

    /// <summary>Writes a PNG file; it appears whole or not at all.</summary>
    /// <param name="path">The file to make or replace.</param>
    /// <param name="image">Grey, RGB or RGBA; stored as such, without loss.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void SavePng(string path, ImageBuffer image) => Save(path, image, ImageFormat.Png);

    /// <summary>Encodes an image as PNG.</summary>
    /// <param name="image">Grey, RGB or RGBA; stored as such, without loss.</param>
    /// <returns>The bytes of a PNG file; the same for the same image.</returns>
    public static byte[] EncodePng(ImageBuffer image) => Encode(image, ImageFormat.Png);

    // What is told by name is told so before Skia calls it damaged.
    private static ImageBuffer DecodeOther(ReadOnlyMemory<byte> bytes, string source, ImageDecodeOptions options)
    {
        if (ForeignImage.Describe(bytes.Span) is string meaning)
            throw new InvalidImageException(source, meaning);
        return SkiaImageCodec.TryDecode(bytes, source, options)
            ?? throw new InvalidImageException(
                source, "this is not an image, or not of a known format (JPEG, PNG, TIFF, WebP, GIF, BMP, TGA, PPM, PGM, PBM, ICO).");
    }
}
