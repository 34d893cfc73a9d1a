using PatchDpo.Torch.Images;
using SkiaSharp;

namespace PatchDpo.Torch.Tests.Images;

/// <summary>Kinds of image that decode, and to what; expected pixels are Pillow 9.4's.</summary>
public sealed class ImageFileFormatTests
{
    // The corners of the stored image (grey: top left 20, top right 90, bottom left 160, bottom right 230) as ImageOps.exif_transpose leaves them.
    [Theory]
    [InlineData(1, 32, 16, 20, 90, 160, 230)]
    [InlineData(2, 32, 16, 90, 20, 230, 160)]
    [InlineData(3, 32, 16, 230, 160, 90, 20)]
    [InlineData(4, 32, 16, 160, 230, 20, 90)]
    [InlineData(5, 16, 32, 20, 160, 90, 230)]
    [InlineData(6, 16, 32, 160, 20, 230, 90)]
    [InlineData(7, 16, 32, 230, 90, 160, 20)]
    [InlineData(8, 16, 32, 90, 230, 20, 160)]
    public void Exif_orientation_is_applied(byte orientation, int width, int height, int topLeft, int topRight, int bottomLeft, int bottomRight)
    {
        byte[] jpeg = JpegWithOrientation(orientation);
        ImageBuffer image = ImageFile.Decode(jpeg, "oriented");
        Assert.Equal((width, height, 1), (image.Width, image.Height, image.Channels));
        int[] corners = [At(image, 4, 4), At(image, width - 4, 4), At(image, 4, height - 4), At(image, width - 4, height - 4)];
        int[] expected = [topLeft, topRight, bottomLeft, bottomRight];
        Assert.All(corners.Zip(expected), pair => Assert.InRange(pair.First, pair.Second - 2, pair.Second + 2));
        ImageBuffer stored = ImageFile.Decode(jpeg, "oriented", new ImageDecodeOptions { ApplyOrientation = false });
        Assert.Equal((32, 16), (stored.Width, stored.Height));
    }

    [Fact]
    public void Cmyk_jpeg_becomes_rgb_as_in_Pillow()
    {
        // 16 x 8, saved by Pillow: left (0,200,100,30), right (255,0,50,0).
        ImageBuffer image = ImageFile.Decode(Convert.FromBase64String(
            "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwACAQEBAQECAQEBAgICAgIEAwICAgIFBAQDBAYFBgYGBQYGBgcJCAYHCQcGBggLCAkKCgoKCgYICwwLCgwJCgoK/8AAFAgACAAQBEMRAE0RAFkRAEsRAP/EABcAAAMBAAAAAAAAAAAAAAAAAAcJCgj/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/9oADgRDAE0AWQBLAAA/AH+FtjYcIgDWQNkDw//Z"), "cmyk");
        Assert.Equal(3, image.Channels);
        Assert.Equal(new byte[] { 225, 49, 137 }, image.Pixels.AsSpan(((4 * 16) + 2) * 3, 3).ToArray());
        Assert.Equal(new byte[] { 0, 255, 205 }, image.Pixels.AsSpan(((4 * 16) + 13) * 3, 3).ToArray());
    }

    [Fact]
    public void Of_an_animated_gif_the_first_frame_is_taken()
    {
        ImageBuffer image = ImageFile.Decode(Convert.FromBase64String(
            "R0lGODlhBQAEAIEAAMgKHgAAAAAAAAAAACH5BAAFAAAALAAAAAAFAAQAAAgJAAEIHEiwYMGAACH5BAAFAAAALAAAAAAFAAQAgQX6PAAAAAAAAAAAAAgJAAEIHEiwYMGAADs="), "gif");
        Assert.Equal((5, 4, 3), (image.Width, image.Height, image.Channels));
        Assert.All(image.Pixels.Chunk(3), p => Assert.Equal(new byte[] { 200, 10, 30 }, p));
    }

    [Fact]
    public void Sixteen_bit_samples_keep_their_high_byte()
    {
        byte[] rgb = PngBytes.Build(2, 1, 16, PngBytes.Rgb, [[0x00, 0xFF, 0x01, 0x00, 0x7F, 0xFF, 0x80, 0x80, 0xFE, 0xFF, 0xFF, 0xFF]]);
        AssertPixels(ImageFile.Decode(rgb, "rgb16"), 3, 0, 1, 127, 128, 254, 255);
        byte[] grey = PngBytes.Build(3, 1, 16, PngBytes.Grey, [[0x00, 0xFF, 0x80, 0x80, 0xFF, 0x00]]);
        AssertPixels(ImageFile.Decode(grey, "grey16"), 1, 0, 128, 255);
    }

    [Fact]
    public void Palette_with_alpha_becomes_rgba_with_colours_as_stored()
    {
        byte[] png = PngBytes.Build(3, 1, 8, PngBytes.Palette, [[0, 1, 2]],
            ("PLTE", [10, 20, 30, 200, 100, 50, 1, 2, 3]), ("tRNS", [0, 128]));
        AssertPixels(ImageFile.Decode(png, "palette"), 4, 10, 20, 30, 0, 200, 100, 50, 128, 1, 2, 3, 255);
    }

    [Fact]
    public void Grey_keeps_one_channel_and_grey_with_alpha_becomes_rgba()
    {
        AssertPixels(ImageFile.Decode(PngBytes.Build(2, 1, 8, PngBytes.Grey, [[7, 250]]), "grey"), 1, 7, 250);
        AssertPixels(ImageFile.Decode(PngBytes.Build(2, 1, 8, PngBytes.GreyAlpha, [[7, 0, 250, 3]]), "grey alpha"), 4, 7, 7, 7, 0, 250, 250, 250, 3);
    }

    [Fact]
    public void Gamma_is_ignored_as_Pillow_ignores_it()
    {
        byte[] png = PngBytes.Build(1, 1, 8, PngBytes.Rgb, [[10, 100, 200]], ("gAMA", [0, 1, 0x86, 0xA0]));
        AssertPixels(ImageFile.Decode(png, "gamma"), 3, 10, 100, 200);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(4)]
    public void Png_round_trip_is_exact(int channels)
    {
        byte[] pixels = new byte[13 * 7 * channels];
        new Random(channels).NextBytes(pixels);
        var image = new ImageBuffer(13, 7, channels, pixels);
        string folder = Directory.CreateTempSubdirectory("patchdpo-png-").FullName;
        try
        {
            string path = Path.Combine(folder, "x.png");
            ImageFile.SavePng(path, image);
            PreprocessingFixture.AssertSame(image, ImageFile.Load(path), "round trip");
            Assert.Equal(ImageFile.EncodePng(image), File.ReadAllBytes(path));
            Assert.Single(Directory.GetFiles(folder));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [SkippableFact]
    public void Real_photos_decode()
    {
        string root = Fixtures.SharedOrSkip("dreambench", "dataset");
        foreach (string path in Directory.EnumerateFiles(root, "00.jpg", SearchOption.AllDirectories))
        {
            ImageBuffer image = ImageFile.Load(path);
            Assert.Equal(3, image.Channels);
            Assert.InRange(Math.Max(image.Width, image.Height), 64, 512);
        }
    }

    private static int At(ImageBuffer grey, int x, int y) => grey.Pixels[(y * grey.Width) + x];

    private static void AssertPixels(ImageBuffer image, int channels, params byte[] pixels)
    {
        Assert.Equal(channels, image.Channels);
        Assert.Equal(pixels, image.Pixels);
    }

    private static byte[] JpegWithOrientation(byte orientation)
    {
        byte[] pixels = new byte[32 * 16];
        for (int i = 0; i < pixels.Length; i++)
            pixels[i] = (byte)(20 + (70 * (i % 32 / 16)) + (140 * (i / (32 * 8))));
        using var bitmap = new SKBitmap(32, 16, SKColorType.Gray8, SKAlphaType.Opaque);
        System.Runtime.InteropServices.Marshal.Copy(pixels, 0, bitmap.GetPixels(), pixels.Length);
        using SKData data = bitmap.Encode(SKEncodedImageFormat.Jpeg, 100);
        byte[] jpeg = data.ToArray();
        // APP1 with one TIFF entry, little-endian: tag 0x0112, SHORT, one value.
        byte[] exif = [0xFF, 0xE1, 0, 34, (byte)'E', (byte)'x', (byte)'i', (byte)'f', 0, 0, (byte)'I', (byte)'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0, 1,
            0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0];
        return [.. jpeg[..2], .. exif, .. jpeg[2..]];
    }
}
