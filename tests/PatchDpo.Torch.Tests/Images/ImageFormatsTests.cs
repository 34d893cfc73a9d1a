using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.Tests.Images;

/// <summary>Every format that is written is read again without loss.</summary>
public sealed class ImageFormatsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("patchdpo-formats-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("png", 1)]
    [InlineData("png", 3)]
    [InlineData("png", 4)]
    [InlineData("tiff", 1)]
    [InlineData("tiff", 3)]
    [InlineData("tiff", 4)]
    [InlineData("tga", 1)]
    [InlineData("tga", 3)]
    [InlineData("tga", 4)]
    [InlineData("ppm", 1)]
    [InlineData("ppm", 3)]
    public void What_is_written_is_read(string name, int channels)
    {
        byte[] pixels = new byte[21 * 10 * channels];
        new Random(channels).NextBytes(pixels);
        var image = new ImageBuffer(21, 10, channels, pixels);
        ImageFormat format = ImageFormats.Parse(name.ToUpperInvariant());
        string path = Path.Combine(_folder, "x" + format.Ending());
        ImageFile.Save(path, image, format);
        PreprocessingFixture.AssertSame(image, ImageFile.Load(path), name);
        Assert.Equal(ImageFile.Encode(image, format), File.ReadAllBytes(path));
        Assert.True(ImageFormats.HasImageEnding(path));
        Assert.Single(Directory.GetFiles(_folder));
    }

    [Fact]
    public void Ppm_keeps_no_transparency() =>
        Assert.Contains("transparency", Assert.Throws<ArgumentException>(() => ImageFile.Encode(new ImageBuffer(1, 1, 4, [1, 2, 3, 4]), ImageFormat.Ppm))
            .Message);

    [Fact]
    public void An_unknown_name_lists_the_known() =>
        Assert.Contains("png, tiff, tga, ppm", Assert.Throws<ArgumentException>(() => ImageFormats.Parse("heic")).Message);

    [Theory]
    [InlineData("a.TIF", true)]
    [InlineData("b/c.jpeg", true)]
    [InlineData("d.txt", false)]
    [InlineData("png", false)]
    public void Endings_are_known_in_any_case(string path, bool expected) => Assert.Equal(expected, ImageFormats.HasImageEnding(path));

    [Theory]
    [InlineData("P6\n2 1\n255\n\u0001\u0002\u0003\u0004\u0005", "cut off")]
    [InlineData("P5 2 1 0\nab", "largest value")]
    [InlineData("P5 2 1 70000\nab", "largest value")]
    [InlineData("P2\n2 1\n9\n3 10\n", "sample 1")]
    [InlineData("P2\n2 1\n9\n3\n", "cut off")]
    [InlineData("P2\n2 1\n9\n00000000003 3\n", "sample 0")]
    [InlineData("P2\n00000000002 1\n9\n3 3\n", "header is damaged")]
    [InlineData("P5\n-2 1\n255\n", "header is damaged")]
    [InlineData("P5\n99999 99999\n255\n", "99999 x 99999")]
    public void A_netpbm_file_that_is_wrong_says_how(string text, string problem) =>
        Assert.Contains(problem, Assert.ThrowsAny<InvalidImageException>(() => ImageFile.Decode(System.Text.Encoding.Latin1.GetBytes(text), "x.ppm")).Message);

    [Fact]
    public void A_tga_of_16_bit_colours_and_one_that_is_cut_off_are_told()
    {
        byte[] tga = ImageFile.Encode(new ImageBuffer(4, 4, 3, new byte[48]), ImageFormat.Tga);
        Assert.Contains("cut off", Assert.Throws<InvalidImageException>(() => ImageFile.Decode(tga.AsMemory(0, 40), "x.tga")).Message);
        tga[16] = 16;
        Assert.Contains("15 or 16 bits", Assert.Throws<InvalidImageException>(() => ImageFile.Decode(tga, "x.tga")).Message);
    }
}
