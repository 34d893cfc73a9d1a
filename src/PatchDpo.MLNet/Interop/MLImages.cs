using System.Runtime.CompilerServices;
using Microsoft.ML.Data;
using PatchDpo.Torch.Images;

namespace PatchDpo.MLNet.Interop;

/// <summary>Copies pixels between ML.NET's images and ours.</summary>
/// <remarks>
/// An <see cref="MLImage"/> belongs to the transformer that made it and dies with the next row, so its pixels are copied at
/// once. Its alpha is premultiplied (Skia's default), which loses the colours of transparent pixels; ours is not. So images with
/// transparency that were made here are remembered, as long as they live, and come back as they were. Those that ML.NET's own
/// components made are divided by their alpha, and black where that is 0.
/// </remarks>
internal static class MLImages
{
    private static readonly ConditionalWeakTable<MLImage, ImageBuffer> Originals = [];

    /// <summary>Copies an image: RGB where every pixel is opaque, else RGBA.</summary>
    public static ImageBuffer ToImageBuffer(MLImage image)
    {
        (int red, int blue) = image.PixelFormat switch
        {
            MLPixelFormat.Bgra32 => (2, 0),
            MLPixelFormat.Rgba32 => (0, 2),
            _ => throw new NotSupportedException($"Images of pixel format {image.PixelFormat} are not supported; Bgra32 and Rgba32 are."),
        };
        // Of a disposed image this throws, remembered or not.
        ReadOnlySpan<byte> source = image.Pixels;
        if (Originals.TryGetValue(image, out ImageBuffer? original))
            return original;
        int count = image.Width * image.Height;
        bool opaque = IsOpaque(source);
        int channels = opaque ? 3 : 4;
        byte[] pixels = new byte[checked(count * channels)];
        for (int i = 0, from = 0, to = 0; i < count; i++, from += 4, to += channels)
        {
            byte alpha = source[from + 3];
            pixels[to] = Unpremultiply(source[from + red], alpha);
            pixels[to + 1] = Unpremultiply(source[from + 1], alpha);
            pixels[to + 2] = Unpremultiply(source[from + blue], alpha);
            if (!opaque)
                pixels[to + 3] = alpha;
        }
        return new ImageBuffer(image.Width, image.Height, channels, pixels);
    }

    /// <summary>An image as it would come back from ML.NET: RGB where every pixel is opaque, else RGBA.</summary>
    public static ImageBuffer AsRead(ImageBuffer image) => image.Channels == 4 && !IsOpaque(image.Pixels) ? image : image.ToRgb();

    /// <summary>Makes a new image of format Rgba32 that the caller owns.</summary>
    public static MLImage ToMLImage(ImageBuffer image)
    {
        int count = image.Width * image.Height;
        byte[] source = image.Pixels;
        byte[] pixels = new byte[checked(count * 4)];
        for (int i = 0, from = 0, to = 0; i < count; i++, from += image.Channels, to += 4)
        {
            byte alpha = image.Channels == 4 ? source[from + 3] : byte.MaxValue;
            int step = image.Channels == 1 ? 0 : 1;
            pixels[to] = Premultiply(source[from], alpha);
            pixels[to + 1] = Premultiply(source[from + step], alpha);
            pixels[to + 2] = Premultiply(source[from + (2 * step)], alpha);
            pixels[to + 3] = alpha;
        }
        MLImage made = MLImage.CreateFromPixels(image.Width, image.Height, MLPixelFormat.Rgba32, pixels);
        if (!IsOpaque(pixels))
            Originals.Add(made, image);
        return made;
    }

    private static bool IsOpaque(ReadOnlySpan<byte> pixels)
    {
        for (int i = 3; i < pixels.Length; i += 4)
            if (pixels[i] != byte.MaxValue)
                return false;
        return true;
    }

    private static byte Unpremultiply(byte value, byte alpha)
        => alpha == byte.MaxValue ? value : alpha == 0 ? (byte)0 : (byte)Math.Min(255, ((value * 255) + (alpha / 2)) / alpha);

    private static byte Premultiply(byte value, byte alpha)
        => alpha == byte.MaxValue ? value : (byte)(((value * alpha) + 127) / 255);
}
