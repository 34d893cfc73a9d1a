using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Images;

/// <summary>Reads images of untrusted origin and writes PNG.</summary>
/// <remarks>
/// Reads JPEG (also CMYK), PNG, GIF, WebP, BMP and ICO through SkiaSharp 2.88; of an animation, the first frame. The pixels equal
/// those of Pillow 9.4 (<c>Image.open(...).convert("RGB")</c>) byte for byte on all 158 DreamBench photos, and on JPEGs of every
/// chroma subsampling, baseline and progressive, CMYK JPEG, PNG, WebP, BMP; as there, colour profiles and gamma are ignored.
/// Known differences: 16-bit grey PNG keeps its high byte, as 16-bit RGB does in both, where Pillow clips samples at 255, which
/// leaves a white picture; transparent pixels of a GIF are transparent black, where Pillow keeps the palette's colour.
/// Grey JPEG and PNG stay one channel; palettes become RGB or RGBA; grey with alpha becomes RGBA.
/// </remarks>
public static class ImageFile
{
    /// <summary>Reads an image file.</summary>
    /// <param name="path">The file; its name's ending does not matter.</param>
    /// <param name="options">Limits; null for the defaults.</param>
    /// <returns>The upright image: grey, RGB or RGBA.</returns>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    /// <exception cref="ImageTooLargeException">The file or the image exceeds a limit; nothing was decoded.</exception>
    /// <exception cref="InvalidImageException">The path is a folder or a device; or the bytes are no image, or are damaged or cut off.</exception>
    public static ImageBuffer Load(string path, ImageDecodeOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new ImageDecodeOptions();
        if (Directory.Exists(path))
            throw new InvalidImageException(path, "this is a folder, not an image file.");
        if (!File.Exists(path))
            throw new FileNotFoundException($"There is no image file '{path}'.", path);
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        if (!stream.CanSeek)
            throw new InvalidImageException(path, "this is a pipe or a device, not an image file.");
        if (stream.Length > options.MaxFileBytes)
            throw new ImageTooLargeException(path, $"the file has {stream.Length} bytes; at most {options.MaxFileBytes} are allowed.");
        var bytes = new byte[stream.Length];
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
        return SkiaImageCodec.Decode(bytes, source, options ?? new ImageDecodeOptions());
    }

    /// <summary>Writes a PNG file; it appears whole or not at all.</summary>
    /// <param name="path">The file to make or replace.</param>
    /// <param name="image">Grey, RGB or RGBA; stored as such, without loss.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void SavePng(string path, ImageBuffer image)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        byte[] png = EncodePng(image);
        AtomicFile.Write(path, stream => stream.Write(png));
    }

    /// <summary>Encodes an image as PNG.</summary>
    /// <param name="image">Grey, RGB or RGBA; stored as such, without loss.</param>
    /// <returns>The bytes of a PNG file; the same for the same image.</returns>
    public static byte[] EncodePng(ImageBuffer image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return SkiaImageCodec.EncodePng(image);
    }
}
