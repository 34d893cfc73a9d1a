using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Torch.Tests.PatchQuality;

public sealed class HeatMapTests
{
    private static readonly QualityMap Map = new(2, 2, [0f, 1f, 1f, 1f]);

    [Theory]
    [InlineData(8, 8, 3)]
    [InlineData(64, 40, 4)]
    [InlineData(31, 97, 1)]
    public void The_picture_has_the_images_size_and_bad_patches_are_red_good_ones_blue(int width, int height, int channels)
    {
        byte[] pixels = new byte[width * height * channels];
        Array.Fill(pixels, (byte)128);
        ImageBuffer picture = HeatMap.Render(new ImageBuffer(width, height, channels, pixels), Map);
        Assert.Equal((width, height, 3), (picture.Width, picture.Height, picture.Channels));
        (byte badRed, byte badBlue) = (picture.Pixels[0], picture.Pixels[2]);
        (byte goodRed, byte goodBlue) = (picture.Pixels[^3], picture.Pixels[^1]);
        Assert.True(badRed > badBlue + 50, $"bad: {badRed}, {badBlue}");
        Assert.True(goodBlue > goodRed + 20, $"good: {goodRed}, {goodBlue}");
    }

    [Fact]
    public void An_even_map_is_drawn_as_good_all_over()
    {
        ImageBuffer grey = TestImages.Create(4, 4, (_, _) => (128, 128, 128));
        ImageBuffer picture = HeatMap.Render(grey, new QualityMap(1, 1, [0.3f]));
        Assert.True(picture.Pixels[2] > picture.Pixels[0]);
    }

    [Fact]
    public void A_fixed_range_makes_pictures_comparable()
    {
        ImageBuffer grey = TestImages.Create(4, 4, (_, _) => (128, 128, 128));
        HeatMapOptions options = new() { Worst = 0, Best = 1 };
        ImageBuffer worse = HeatMap.Render(grey, new QualityMap(1, 1, [0.1f]), options), better = HeatMap.Render(grey, new QualityMap(1, 1, [0.9f]), options);
        Assert.True(worse.Pixels[0] > better.Pixels[0]);
        Assert.True(worse.Pixels[2] < better.Pixels[2]);
    }

    [Fact]
    public void Without_opacity_the_image_shows_in_grey()
    {
        ImageBuffer image = TestImages.Blocks(1, 6, 6, 1);
        ImageBuffer picture = HeatMap.Render(image, Map, new HeatMapOptions { Opacity = 0 });
        int expected = (int)Math.Round((0.299 * image.Pixels[0]) + (0.587 * image.Pixels[1]) + (0.114 * image.Pixels[2]));
        Assert.Equal([(byte)expected, (byte)expected, (byte)expected], picture.Pixels[..3]);
    }

    [Fact]
    public void The_scale_has_the_colours_that_maps_have_over_white()
    {
        HeatMapOptions range = new() { Worst = 0.3f, Best = 0.9f, Opacity = 0.7 };
        ImageBuffer scale = HeatMap.Scale(range, 3);
        Assert.Equal((3, 1, 3), (scale.Width, scale.Height, scale.Channels));
        float[] qualities = [0.3f, 0.6f, 0.9f];
        for (int i = 0; i < 3; i++)
        {
            ImageBuffer map = HeatMap.Render(TestImages.Create(2, 2, (_, _) => (255, 255, 255)), new QualityMap(1, 1, [qualities[i]]), range);
            Assert.Equal(map.Pixels[..3], scale.Pixels[(3 * i)..(3 * (i + 1))]);
        }
    }

    [Fact]
    public void A_scale_needs_both_ends()
    {
        Assert.Throws<ArgumentException>(() => HeatMap.Scale(new HeatMapOptions { Best = 1 }, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => HeatMap.Scale(new HeatMapOptions { Worst = 0, Best = 1 }, 1));
    }

    [Fact]
    public void An_empty_range_is_refused()
    {
        Assert.Throws<ArgumentException>(() => HeatMap.Render(TestImages.Blocks(1, 4, 4, 2), Map, new HeatMapOptions { Worst = 1, Best = 1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new HeatMapOptions { Worst = float.NaN });
        Assert.Throws<ArgumentOutOfRangeException>(() => new HeatMapOptions { Opacity = 1.5 });
    }
}
