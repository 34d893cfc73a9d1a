using System.Buffers;
using System.Buffers.Binary;
using SkiaSharp;

namespace PatchDpo.Torch.Images;

/// <summary>The one place that calls SkiaSharp: bytes to pixels and back.</summary>
internal static class SkiaImageCodec
{
    // 2048 x 2048: a pool does not keep what larger ones need.
    private const int MostPooled = 16 << 20;

    private static ReadOnlySpan<byte> PngStart => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>The image as it is stored; null where the bytes are of no format that Skia knows.</summary>
    public static unsafe ImageBuffer? TryDecode(ReadOnlyMemory<byte> bytes, string source, ImageDecodeOptions options)
    {
        using MemoryHandle pinned = bytes.Pin();
        using var data = SKData.Create((nint)pinned.Pointer, bytes.Length);
        // The codec owns and disposes the stream.
        using SKCodec? codec = SKCodec.Create(new SKMemoryStream(data), out SKCodecResult created);
        if (codec is null)
            return created == SKCodecResult.Unimplemented ? null : throw new InvalidImageException(source, DescribeHeader(bytes.Span, created));

        SKImageInfo header = codec.Info;
        ImageLimits.CheckSize(header.Width, header.Height, source, options);
        bool grey = header.ColorType == SKColorType.Gray8;
        // Without a colour space Skia converts nothing, as Pillow ignores profiles.
        var info = new SKImageInfo(header.Width, header.Height, grey ? SKColorType.Gray8 : SKColorType.Rgba8888,
            header.AlphaType == SKAlphaType.Opaque ? SKAlphaType.Opaque : SKAlphaType.Unpremul, null);
        int length = checked(info.Width * info.Height * info.BytesPerPixel);
        if (grey || info.AlphaType != SKAlphaType.Opaque || length > MostPooled)
        {
            var image = new ImageBuffer(info.Width, info.Height, grey ? 1 : 4, Read(new byte[length]));
            return !grey && info.AlphaType == SKAlphaType.Opaque ? image.ToRgb() : image;
        }
        // Of photos, which are most, the fourth byte goes: what Skia writes is not the picture's own memory.
        byte[] rented = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            // No other picture shines through, whatever Skia leaves out.
            Array.Clear(rented, 0, length);
            return new ImageBuffer(info.Width, info.Height, 3, PixelBlock.WithoutFourth(Read(rented).AsSpan(0, length)));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }

        byte[] Read(byte[] pixels)
        {
            fixed (byte* target = pixels)
            {
                SKCodecResult result = codec.GetPixels(info, (nint)target);
                if (result != SKCodecResult.Success)
                {
                    throw new InvalidImageException(source, result == SKCodecResult.IncompleteInput
                        ? $"the image ({codec.EncodedFormat}, {info.Width} x {info.Height}) is cut off."
                        : $"the image ({codec.EncodedFormat}, {info.Width} x {info.Height}) is damaged ({result}).");
                }
            }
            if (codec.EncodedFormat == SKEncodedImageFormat.Gif && !grey)
                GifTransparency.Restore(bytes.Span, pixels.AsSpan(0, length));
            return pixels;
        }
    }

    public static unsafe byte[] EncodePng(ImageBuffer image)
    {
        // Skia has no 24-bit layout: RGB goes in with a fourth byte that the encoder leaves out.
        byte[] pixels = image.Channels == 3 ? WithFourthByte(image) : image.Pixels;
        SKColorType color = image.Channels switch { 1 => SKColorType.Gray8, 3 => SKColorType.Rgb888x, _ => SKColorType.Rgba8888 };
        var info = new SKImageInfo(image.Width, image.Height, color, image.Channels == 4 ? SKAlphaType.Unpremul : SKAlphaType.Opaque);
        fixed (byte* source = pixels)
        {
            using var pixmap = new SKPixmap(info, (nint)source);
            using SKData? data = pixmap.Encode(SKPngEncoderOptions.Default);
            return data?.ToArray() ?? throw new InvalidOperationException($"Skia could not encode an image of {image.Width} x {image.Height} as PNG.");
        }
    }

    /// <summary>A JPEG of an image for people, which is small: transparency is left out.</summary>
    public static unsafe byte[] EncodeJpeg(ImageBuffer image, int quality)
    {
        byte[] pixels = WithFourthByte(image.ToRgb());
        var info = new SKImageInfo(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        fixed (byte* source = pixels)
        {
            using var pixmap = new SKPixmap(info, (nint)source);
            using SKData? data = pixmap.Encode(SKEncodedImageFormat.Jpeg, quality);
            return data?.ToArray() ?? throw new InvalidOperationException($"Skia could not encode an image of {image.Width} x {image.Height} as JPEG.");
        }
    }

    private static string DescribeHeader(ReadOnlySpan<byte> bytes, SKCodecResult result)
    {
        // Of a PNG the size can be told even where it is what is wrong.
        if (bytes.Length >= 24 && bytes.StartsWith(PngStart))
        {
            uint width = BinaryPrimitives.ReadUInt32BigEndian(bytes[16..]), height = BinaryPrimitives.ReadUInt32BigEndian(bytes[20..]);
            if (width == 0 || height == 0)
                return $"its size is {width} x {height}.";
        }

        return $"the image's header is damaged, or its format is not a known one ({result}).";
    }

    private static byte[] WithFourthByte(ImageBuffer rgb)
    {
        byte[] output = new byte[checked(rgb.Width * rgb.Height * 4)];
        ReadOnlySpan<byte> pixels = rgb.Pixels;
        for (int source = 0, target = 0; target < output.Length; source += 3, target += 4)
        {
            pixels.Slice(source, 3).CopyTo(output.AsSpan(target));
            output[target + 3] = 255;
        }

        return output;
    }
}
