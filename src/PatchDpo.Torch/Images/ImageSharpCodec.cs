using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats;
using SixLabors.ImageSharp.Formats.Pbm;
using SixLabors.ImageSharp.Formats.Tga;
using SixLabors.ImageSharp.Formats.Tiff;
using SixLabors.ImageSharp.Memory;
using SixLabors.ImageSharp.Metadata;
using SixLabors.ImageSharp.PixelFormats;

namespace PatchDpo.Torch.Images;

/// <summary>The one place that calls ImageSharp: what Skia cannot read and write. Its callers have checked sizes and lengths.</summary>
internal static class ImageSharpCodec
{
    // What a decoder takes beside the pixels: buffers of a strip or a row, and rounding to whole megabytes.
    private const int SpareMegabytes = 64;

    /// <summary>Unpacks a TIFF of 8-bit grey rows.</summary>
    public static void DecodeGreyTiff(byte[] tiff, int width, int height, string source, Span<byte> pixels)
    {
        using Image<L8> image = Decode<L8>(
            tiff, width, height, 1, source, "TIFF", new TiffDecoder { IgnoreMetadata = true, DecodingMode = FrameDecodingMode.First });
        image.CopyPixelDataTo(pixels);
    }

    /// <summary>Reads a TGA file of known size: grey, RGB or RGBA.</summary>
    public static ImageBuffer DecodeTga(byte[] tga, int width, int height, int channels, string source)
    {
        byte[] pixels = new byte[checked(width * height * channels)];
        var decoder = new TgaDecoder();
        switch (channels)
        {
            case 1:
                Copy<L8>();
                break;
            case 3:
                Copy<Rgb24>();
                break;
            default:
                Copy<Rgba32>();
                break;
        }

        return new ImageBuffer(width, height, channels, pixels);

        void Copy<TPixel>()
            where TPixel : unmanaged, IPixel<TPixel>
        {
            using Image<TPixel> image = Decode<TPixel>(tga, width, height, channels, source, "TGA", decoder);
            image.CopyPixelDataTo(pixels);
        }
    }

    /// <summary>Writes an image as TGA or PPM.</summary>
    /// <exception cref="ArgumentException">The format keeps no transparency, and the image has it.</exception>
    public static byte[] Encode(ImageBuffer image, ImageFormat format)
    {
        if (format == ImageFormat.Ppm && image.Channels == 4)
            throw new ArgumentException("PPM keeps no transparency: convert the image with ToRgb, or choose another format.", nameof(image));
        IImageEncoder encoder = format switch
        {
            ImageFormat.Tga => new TgaEncoder
            {
                Compression = TgaCompression.None,
                BitsPerPixel = image.Channels switch { 1 => TgaBitsPerPixel.Pixel8, 3 => TgaBitsPerPixel.Pixel24, _ => TgaBitsPerPixel.Pixel32 },
            },
            ImageFormat.Ppm => new PbmEncoder
            {
                Encoding = PbmEncoding.Binary,
                ComponentType = PbmComponentType.Byte,
                ColorType = image.Channels == 1 ? PbmColorType.Grayscale : PbmColorType.Rgb,
            },
            _ => throw new ArgumentOutOfRangeException(nameof(format), format, "Not a format that ImageSharp writes."),
        };
        return image.Channels switch { 1 => Write<L8>(), 3 => Write<Rgb24>(), _ => Write<Rgba32>() };

        byte[] Write<TPixel>()
            where TPixel : unmanaged, IPixel<TPixel>
        {
            Configuration configuration = NewConfiguration(image.Pixels.LongLength);
            using Image<TPixel> pixels = Image.LoadPixelData<TPixel>(configuration, image.Pixels, image.Width, image.Height);
            using var stream = new MemoryStream();
            pixels.Save(stream, encoder);
            return stream.ToArray();
        }
    }

    private static Image<TPixel> Decode<TPixel>(byte[] file, int width, int height, int pixelBytes, string source, string kind, IImageDecoder decoder)
        where TPixel : unmanaged, IPixel<TPixel>
    {
        Image<TPixel>? image = null;
        try
        {
            using var stream = new MemoryStream(file, writable: false);
            image = Image.Load<TPixel>(NewConfiguration((long)width * height * pixelBytes), stream, decoder);
        }
        // Damaged files make it throw almost anything: its own exceptions, those of arguments and indexes, of streams.
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new InvalidImageException(source, $"the image ({kind}) is damaged: {e.Message.ReplaceLineEndings(" ")}", e);
        }

        if (image.Width == width && image.Height == height)
            return image;
        image.Dispose();
        throw new InvalidImageException(source, $"the image ({kind}) is damaged: its pixels have another size than its header says.");
    }

    /// <summary>No format is registered, so that nothing is guessed; memory has a ceiling; one thread.</summary>
    private static Configuration NewConfiguration(long bytes) => new()
    {
        MaxDegreeOfParallelism = 1,
        MemoryAllocator = MemoryAllocator.Create(new MemoryAllocatorOptions
        {
            MaximumPoolSizeMegabytes = 0,
            AllocationLimitMegabytes = (int)(bytes >> 20) + SpareMegabytes,
        }),
    };
}
