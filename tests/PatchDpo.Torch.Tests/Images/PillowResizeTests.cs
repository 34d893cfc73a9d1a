using System.Security.Cryptography;
using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.Tests.Images;

public class PillowResizeTests
{
    // SHA-256 (first 8 bytes) of what Pillow 9.4 makes of Synthetic(57, 41, channels) at 23 x 90.
    [Theory]
    [InlineData(1, ResampleFilter.Nearest, "be718581607c70b1")]
    [InlineData(1, ResampleFilter.Lanczos, "78213ace703df99d")]
    [InlineData(1, ResampleFilter.Bilinear, "bd39f4ddbe6c429e")]
    [InlineData(1, ResampleFilter.Bicubic, "c4463da8350fc0ea")]
    [InlineData(1, ResampleFilter.Box, "87f7a7f3f69b5277")]
    [InlineData(3, ResampleFilter.Nearest, "24073ded83a44ec5")]
    [InlineData(3, ResampleFilter.Lanczos, "0bc08ab770f829f5")]
    [InlineData(3, ResampleFilter.Bilinear, "b2007a5e11678a8e")]
    [InlineData(3, ResampleFilter.Bicubic, "d4aa0b75a0837ad6")]
    [InlineData(3, ResampleFilter.Box, "92ce9e2ad9eacd9c")]
    [InlineData(4, ResampleFilter.Nearest, "b4914c7c69090fb5")]
    [InlineData(4, ResampleFilter.Lanczos, "ff9f477583d6a173")]
    [InlineData(4, ResampleFilter.Bilinear, "d0d41252c4972c53")]
    [InlineData(4, ResampleFilter.Bicubic, "858fa2b9f51cd3d7")]
    [InlineData(4, ResampleFilter.Box, "bc32c2c2ffdcf503")]
    public void Every_filter_and_channel_count_gives_Pillow_s_bytes(int channels, ResampleFilter filter, string expected)
    {
        ImageBuffer resized = PillowResize.Resize(Synthetic(57, 41, channels), 23, 90, filter);
        Assert.Equal((23, 90, channels), (resized.Width, resized.Height, resized.Channels));
        Assert.Equal(expected, Hash(resized));
    }

    // (20 x 9) resized to r (bicubic) and centre-cropped to c by torchvision 0.14.1: padding below and beside, beside only, none.
    [Theory]
    [InlineData(9, 14, "cbb923b79ecc4350")]
    [InlineData(10, 30, "c557cf5b2b2f4d2a")]
    [InlineData(12, 12, "8e3ea8b0b8b6d817")]
    public void A_crop_larger_than_the_image_is_padded_as_torchvision_pads(int resizeTo, int cropTo, string expected) =>
        Assert.Equal(expected, Hash(new DinoPreprocessor(resizeTo, cropTo).ResizeAndCrop(Synthetic(20, 9, 3))));

    [Fact]
    public void The_same_size_gives_a_copy()
    {
        ImageBuffer image = Synthetic(5, 4, 4);
        ImageBuffer copy = PillowResize.Resize(image, 5, 4, ResampleFilter.Bicubic);
        Assert.NotSame(image.Pixels, copy.Pixels);
        Assert.Equal(image.Pixels, copy.Pixels);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, -1)]
    public void Sizes_below_one_are_refused(int width, int height) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => PillowResize.Resize(Synthetic(3, 3, 3), width, height, ResampleFilter.Box));

    [Fact]
    public void An_unknown_filter_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => PillowResize.Resize(Synthetic(3, 3, 3), 2, 2, (ResampleFilter)99));

    [Fact]
    public void An_image_too_elongated_for_its_preprocessor_is_told() =>
        Assert.Throws<InvalidOperationException>(() => new DinoPreprocessor().ResizeAndCrop(new ImageBuffer(32_000, 1, 1, new byte[32_000])));

    private static string Hash(ImageBuffer image) => Convert.ToHexStringLower(SHA256.HashData(image.Pixels).AsSpan(0, 8));

    private static ImageBuffer Synthetic(int width, int height, int channels)
    {
        byte[] pixels = new byte[width * height * channels];
        for (int y = 0, i = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                for (int c = 0; c < channels; c++)
                    pixels[i++] = (byte)((x * x * 7) + (y * 37) + (x * y * 3) + (c * 91));
            }
        }

        return new ImageBuffer(width, height, channels, pixels);
    }
}
