using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.Tests.Images;

public sealed class PixelBlockTests
{
    [Fact]
    public void Rgb_is_what_rgba_has_before_its_alpha_at_every_size()
    {
        // Sizes on all sides of what goes together.
        for (int width = 1; width <= 41; width++)
        {
            byte[] rgba = new byte[width * 2 * 4];
            new Random(width).NextBytes(rgba);
            byte[] rgb = new ImageBuffer(width, 2, 4, rgba).ToRgb().Pixels;
            Assert.Equal(rgba.Chunk(4).SelectMany(p => p[..3]), rgb);
        }
    }

    [Fact]
    public void A_picture_shows_nothing_of_the_one_decoded_before()
    {
        ImageBuffer Filled(int side, byte value) => new(side, side, 3, [.. Enumerable.Repeat(value, side * side * 3)]);
        byte[] white = ImageFile.EncodePng(Filled(64, 255)), grey = ImageFile.EncodePng(Filled(60, 7));
        ImageFile.Decode(white, "white");
        Assert.All(ImageFile.Decode(grey, "grey").Pixels, p => Assert.Equal(7, p));
    }
}
