using PatchDpo.Fuzz.Mutations;
using PatchDpo.Torch.Images;
using SkiaSharp;

namespace PatchDpo.Fuzz.Targets;

/// <summary>Small sound images of every format that is read.</summary>
internal static class ImageCorpus
{
    // Turned by a right angle: a TIFF of one tag, and ImageMagick's way to write that.
    private static readonly byte[] Exif = [.. "II*\0\b\0\0\0\u0001\0\u0012\u0001\u0003\0\u0001\0\0\0\u0006\0\0\0\0\0\0\0"u8];

    public static List<Sample> All()
    {
        List<Sample> samples = [];
        foreach (int channels in new[] { 1, 3, 4 })
        {
            ImageBuffer image = Picture(13, 7, channels);
            foreach (ImageFormat format in Enum.GetValues<ImageFormat>())
                if (format != ImageFormat.Ppm || channels < 4)
                    samples.Add(One(format.Ending(), ImageFile.Encode(image, format)));
        }
        foreach (SKEncodedImageFormat format in new[] { SKEncodedImageFormat.Jpeg, SKEncodedImageFormat.Webp })
            samples.Add(One("." + format, Skia(format)));
        byte[] jpeg = Skia(SKEncodedImageFormat.Jpeg);
        samples.Add(One(".jpg", [.. jpeg[..2], 0xFF, 0xE1, 0, (byte)(8 + Exif.Length), .. "Exif\0\0"u8, .. Exif, .. jpeg[2..]]));
        samples.Add(One(".png", ImageMutations.WithChunk(ImageFile.EncodePng(Picture(5, 4, 3)), "eXIf"u8, Exif)));
        samples.Add(One(".png", ImageMutations.WithChunk(ImageFile.EncodePng(Picture(5, 4, 3)), "tEXt"u8,
            [.. "XML:com.adobe.xmp\0<r tiff:Orientation=\"8\"/>"u8])));
        samples.Add(One(".gif",
            Convert.FromBase64String(
            "R0lGODlhBQAEAIEAAMgKHgAAAAAAAAAAACH5BAAFAAAALAAAAAAFAAQAAAgJAAEIHEiwYMGAACH5BAAFAAAALAAAAAAFAAQAgQX6PAAAAAAAAAAAAAgJAAEIHEiwYMGAADs=")));
        samples.Add(One(".pgm", [.. "P2 # text\n3 2 9\n1 2 3 4 5 9\n"u8]));
        samples.Add(One(".pbm", [.. "P4 9 2\n"u8, 0x55, 0x80, 0xAA, 0]));
        // 4 x 2 RGB as LZW (clear, 24 zeros one by one, end) is long; PackBits and predictors show the same paths.
        samples.Add(Tiff(TiffCompression.PackBits, [0xE9, 7], 8, 3, 2));
        samples.Add(Tiff(TiffCompression.Lzw, Lzw(24), 8, 3, 2, (317, TiffType.Short, [2])));
        samples.Add(Tiff(TiffCompression.None, new byte[48], 16, 3, 2, (274, TiffType.Short, [6])));
        samples.Add(Tiff(TiffCompression.None, new byte[32], 8, 4, 2, (338, TiffType.Short, [1]), (284, TiffType.Short, [1])));
        samples.Add(Tiff(TiffCompression.None, [0x1B, 0xE4], 2, 1, 3, (320, TiffType.Short, [0, 1, 2, 3, 256, 512, 768, 1024, 9, 8, 7, 65535])));
        return samples;
    }

    /// <summary>LZW codes of nine bits for zeros: clear, one code a byte, end.</summary>
    private static byte[] Lzw(int zeros)
    {
        int[] codes = [256, .. Enumerable.Repeat(0, zeros), 257];
        byte[] bytes = new byte[((codes.Length * 9) + 7) / 8];
        for (int i = 0; i < codes.Length * 9; i++)
            bytes[i / 8] |= (byte)(((codes[i / 9] >> (8 - (i % 9))) & 1) << (7 - (i % 8)));
        return bytes;
    }

    private static Sample Tiff(TiffCompression compression, byte[] strip, int bits, int samples, int photometric, params (ushort, TiffType, long[])[] more)
        => One(".tif", TiffWriter.Build(
        [
            (256, TiffType.Long, [4]), (257, TiffType.Long, [2]), (258, TiffType.Short, [.. Enumerable.Repeat((long)bits, samples)]), (
                259, TiffType.Short, [(long)compression]),
            (262, TiffType.Short, [photometric]), (277, TiffType.Short, [samples]), (278, TiffType.Long, [2]), .. more,
        ],
        [strip]));

    private static byte[] Skia(SKEncodedImageFormat format)
    {
        using SKBitmap bitmap = SKBitmap.Decode(ImageFile.EncodePng(Picture(9, 8, 4)));
        using SKData data = bitmap.Encode(format, 80);
        return data.ToArray();
    }

    private static ImageBuffer Picture(int width, int height, int channels)
    {
        byte[] pixels = new byte[width * height * channels];
        new Random(channels).NextBytes(pixels);
        return new ImageBuffer(width, height, channels, pixels);
    }

    private static Sample One(string ending, byte[] bytes) => new(new Sample.File("a" + ending, bytes));
}
