using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Torch.Tests.PatchQuality;

public sealed class ForegroundMaskTests
{
    [Fact]
    public void An_object_on_white_is_found_with_its_white_spot()
    {
        // A 4 x 4 red square in a 10 x 8 white image, a white pixel in its middle, noise of 10 in the background.
        ImageBuffer image = TestImages.Create(10, 8, (x, y) => x is >= 3 and < 7 && y is >= 2 and < 6
            ? (x, y) == (4, 4) ? (255, 255, 255) : (200, 20, 20)
            : (x + y) % 2 == 0 ? (255, 255, 255) : (245, 247, 250));
        bool[,] mask = ForegroundMask.FromPlainBackground(image);
        for (int y = 0; y < 8; y++)
            for (int x = 0; x < 10; x++)
                Assert.Equal(x is >= 3 and < 7 && y is >= 2 and < 6, mask[y, x]);
    }

    [Fact]
    public void An_object_that_touches_the_border_stays_foreground()
    {
        ImageBuffer image = TestImages.Create(10, 10, (x, y) => x < 3 && y > 4 ? (0, 0, 0) : (240, 240, 240));
        Assert.True(ForegroundMask.FromPlainBackground(image)[9, 0]);
        Assert.False(ForegroundMask.FromPlainBackground(image)[0, 9]);
    }

    [Fact]
    public void The_tolerance_decides_what_is_background()
    {
        ImageBuffer image = TestImages.Create(6, 6, (x, y) => x is 2 or 3 && y is 2 or 3 ? (200, 200, 200) : (255, 255, 255));
        Assert.True(ForegroundMask.FromPlainBackground(image, tolerance: 54)[2, 2]);
        Assert.False(ForegroundMask.FromPlainBackground(image, tolerance: 55)[2, 2]);
    }

    [Fact]
    public void Transparent_pixels_are_background_whatever_their_colour()
    {
        byte[] pixels = new byte[4 * 4 * 4];
        pixels[(5 * 4) + 3] = 255;
        bool[,] mask = ForegroundMask.FromPlainBackground(new ImageBuffer(4, 4, 4, pixels));
        Assert.Equal(1, mask.Cast<bool>().Count(b => b));
        Assert.True(mask[1, 1]);
    }

    [Fact]
    public void A_plain_image_has_no_foreground()
        => Assert.DoesNotContain(true, ForegroundMask.FromPlainBackground(new ImageBuffer(3, 5, 1, new byte[15])).Cast<bool>());

    [Fact]
    public void A_patch_is_foreground_when_half_of_it_is()
    {
        bool[,] mask = new bool[4, 4];
        mask[0, 0] = mask[0, 1] = true;     // half of the first patch
        mask[3, 3] = true;                  // a quarter of the last
        Assert.Equal([true, false, false, false], ForegroundMask.ToPatchGrid(mask, 2, 2).Cast<bool>());
    }

    [Fact]
    public void A_small_object_keeps_its_best_patch_and_an_empty_mask_none()
    {
        bool[,] mask = new bool[9, 9];
        Assert.DoesNotContain(true, ForegroundMask.ToPatchGrid(mask, 2, 3).Cast<bool>());
        mask[8, 8] = true;
        Assert.Equal([false, false, false, false, false, true], ForegroundMask.ToPatchGrid(mask, 2, 3).Cast<bool>());
    }

    [Fact]
    public void A_grid_finer_than_the_mask_repeats_it()
    {
        bool[,] mask = { { true, false } };
        Assert.Equal([true, true, false, false, true, true, false, false], ForegroundMask.ToPatchGrid(mask, 2, 4).Cast<bool>());
    }

    [Theory]
    [InlineData(1, new byte[] { 127, 128 })]
    [InlineData(3, new byte[] { 255, 120, 6, 255, 120, 9 })]
    [InlineData(4, new byte[] { 255, 255, 255, 127, 128, 128, 128, 128 })]
    public void A_picture_of_a_mask_is_foreground_where_it_is_light_and_not_transparent(int channels, byte[] pixels)
        => Assert.Equal([false, true], ForegroundMask.FromImage(new ImageBuffer(2, 1, channels, pixels)).Cast<bool>());

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(20)]
    public void A_grown_mask_has_all_within_its_margin_across_and_diagonally(int margin)
    {
        bool[,] mask = new bool[9, 13], grown;
        mask[0, 0] = mask[4, 9] = mask[5, 9] = true;
        grown = ForegroundMask.Grown(mask, margin);
        for (int y = 0; y < 9; y++)
            for (int x = 0; x < 13; x++)
                Assert.Equal(Math.Max(x, y) <= margin || Math.Max(Math.Abs(x - 9), Math.Max(4 - y, y - 5)) <= margin, grown[y, x]);
        Assert.DoesNotContain(true, ForegroundMask.Grown(new bool[3, 4], margin).Cast<bool>());
    }
}
