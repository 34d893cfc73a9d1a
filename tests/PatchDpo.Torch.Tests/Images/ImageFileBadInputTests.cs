using System.Text;
using PatchDpo.Torch.Images;
using SkiaSharp;

namespace PatchDpo.Torch.Tests.Images;

/// <summary>Files that are no image, are damaged, or lie about their size: which error, and that it comes before pixels are allocated.</summary>
public sealed class ImageFileBadInputTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("patchdpo-images-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void An_empty_file_is_named() => AssertInvalid([], "there are no bytes in it");

    [Fact]
    public void Text_with_an_image_s_name_is_no_image() => AssertInvalid(
        Encoding.UTF8.GetBytes("a plain text, many lines\n" + new string('x', 300)), "not an image");

    [Theory]
    [InlineData(0.3)]
    [InlineData(0.9)]
    public void A_cut_off_jpeg_says_so(double part)
    {
        byte[] jpeg = Encode(SKEncodedImageFormat.Jpeg);
        AssertInvalid(jpeg[..(int)(jpeg.Length * part)], "cut off");
    }

    [Fact]
    public void A_cut_off_png_says_so()
    {
        byte[] png = Encode(SKEncodedImageFormat.Png);
        AssertInvalid(png[..(png.Length / 2)], "cut off");
    }

    [Fact]
    public void A_file_that_ends_in_the_header_is_invalid() => AssertInvalid(Encode(SKEncodedImageFormat.Jpeg)[..30], "header is damaged");

    [Fact]
    public void A_png_with_a_flipped_byte_is_damaged()
    {
        byte[] png = Encode(SKEncodedImageFormat.Png);
        png[png.Length / 2] ^= 0xFF;
        AssertInvalid(png, "is damaged");
    }

    [Theory]
    [InlineData(0, 5)]
    [InlineData(5, 0)]
    public void A_size_of_zero_is_told(uint width, uint height) =>
        AssertInvalid(PngBytes.Build(width, height, 8, PngBytes.Grey, [[0]]), $"size is {width} x {height}");

    [Theory]
    [InlineData(60_000, 60_000, "a side may have at most 32767")]
    [InlineData(30_000, 30_000, "at most 89478485 pixels")]
    public void A_bomb_is_refused_by_its_header(uint width, uint height, string limit)
    {
        byte[] bomb = PngBytes.Build(width, height, 8, PngBytes.Grey, [.. Enumerable.Repeat(new byte[width], 200)]);
        long before = GC.GetAllocatedBytesForCurrentThread();
        ImageTooLargeException error = Assert.Throws<ImageTooLargeException>(() => ImageFile.Decode(bomb, "bomb.png"));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        Assert.Contains("'bomb.png'", error.Message);
        Assert.Contains($"{width} x {height}", error.Message);
        Assert.Contains(limit, error.Message);
    }

    [Fact]
    public void Limits_are_options()
    {
        byte[] png = Encode(SKEncodedImageFormat.Png);
        Assert.Throws<ImageTooLargeException>(() => ImageFile.Decode(png, "x", new ImageDecodeOptions { MaxPixels = (64 * 48) - 1 }));
        Assert.Throws<ImageTooLargeException>(() => ImageFile.Decode(png, "x", new ImageDecodeOptions { MaxSide = 63 }));
        Assert.Equal(64, ImageFile.Decode(png, "x", new ImageDecodeOptions { MaxPixels = 64 * 48, MaxSide = 64 }).Width);
        Assert.Throws<ArgumentOutOfRangeException>(() => new ImageDecodeOptions { MaxPixels = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ImageDecodeOptions { MaxSide = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ImageDecodeOptions { MaxFileBytes = 0 });
    }

    [Fact]
    public void A_file_above_the_byte_limit_is_not_read()
    {
        string path = Path.Combine(folder, "large.png");
        File.WriteAllBytes(path, new byte[1000]);
        ImageTooLargeException error = Assert.Throws<ImageTooLargeException>(() => ImageFile.Load(path, new ImageDecodeOptions { MaxFileBytes = 999 }));
        Assert.Contains("1000 bytes", error.Message);
    }

    [Fact]
    public void A_folder_is_told_from_a_file()
    {
        InvalidImageException error = Assert.Throws<InvalidImageException>(() => ImageFile.Load(folder));
        Assert.Contains("folder", error.Message);
        Assert.Equal(folder, error.ImageSource);
    }

    [Fact]
    public void A_missing_file_and_a_broken_link_are_named()
    {
        string missing = Path.Combine(folder, "missing.png");
        Assert.Contains(missing, Assert.Throws<FileNotFoundException>(() => ImageFile.Load(missing)).Message);
        string link = Path.Combine(folder, "link.png");
        File.CreateSymbolicLink(link, missing);
        Assert.Contains(link, Assert.Throws<FileNotFoundException>(() => ImageFile.Load(link)).Message);
    }

    [SkippableFact]
    public void A_file_without_the_right_to_read_is_named()
    {
        string path = Path.Combine(folder, "secret.png");
        File.WriteAllBytes(path, Encode(SKEncodedImageFormat.Png));
        Skip.If(OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess, "Unix rights are tested, which do not bind the superuser.");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.None);
        Assert.Contains(path, Assert.Throws<UnauthorizedAccessException>(() => ImageFile.Load(path)).Message);
    }

    [Fact]
    public void Names_may_be_unicode_and_long()
    {
        string path = Path.Combine(folder, "写真 é̂ " + new string('n', 180) + ".png");
        File.WriteAllBytes(path, Encode(SKEncodedImageFormat.Png));
        Assert.Equal(64, ImageFile.Load(path).Width);
    }

    private static byte[] Encode(SKEncodedImageFormat format)
    {
        using var bitmap = new SKBitmap(64, 48, SKColorType.Rgba8888, SKAlphaType.Opaque);
        for (int y = 0; y < 48; y++)
        {
            for (int x = 0; x < 64; x++)
                bitmap.SetPixel(x, y, new SKColor((byte)(x * y * 7), (byte)((x * 31) ^ y), (byte)(y * y)));
        }

        using SKData data = bitmap.Encode(format, 90);
        return data.ToArray();
    }

    private void AssertInvalid(byte[] bytes, string problem)
    {
        string path = Path.Combine(folder, "photo.png");
        File.WriteAllBytes(path, bytes);
        InvalidImageException error = Assert.Throws<InvalidImageException>(() => ImageFile.Load(path));
        Assert.Contains(path, error.Message);
        Assert.Contains(problem, error.Message);
    }
}
