using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.Tests.Images;

public sealed class ImageGridTests
{
    [Fact]
    public void Cells_stand_in_order_and_small_images_are_enlarged_by_whole_pixels()
    {
        ImageBuffer red = Plain(4, 4, 255, 0, 0), blue = Plain(4, 4, 0, 0, 255);
        ImageBuffer grid = ImageGrid.Compose([[red, blue], [blue]], new ImageGridOptions { CellSize = 10, Gap = 2 });

        Assert.Equal((26, 26), (grid.Width, grid.Height));
        // 4 pixels fit twice into 10, so one pixel of ground stays on each side.
        Assert.Equal("255,255,255", Pixel(grid, 2, 2));
        Assert.Equal("255,0,0", Pixel(grid, 3, 3));
        Assert.Equal("0,0,255", Pixel(grid, 15, 3));
        Assert.Equal("0,0,255", Pixel(grid, 3, 15));
        Assert.Equal("255,255,255", Pixel(grid, 15, 15));
    }

    [Fact]
    public void Labels_make_room_for_themselves()
    {
        ImageBuffer plain = ImageGrid.Compose([[Plain(8, 8, 1, 2, 3)]], new ImageGridOptions { CellSize = 32 });
        ImageBuffer labelled = ImageGrid.Compose([[Plain(8, 8, 1, 2, 3)]],
            new ImageGridOptions { CellSize = 32, ColumnTitles = ["before"], RowCaptions = ["a cat"] });
        Assert.True(labelled.Height >= plain.Height + 40);
    }

    [Fact]
    public void A_legend_and_a_footer_stand_below_the_rows_and_the_bar_has_its_colours()
    {
        var options = new ImageGridOptions { CellSize = 90, Gap = 0 };
        ImageBuffer image = Plain(9, 9, 255, 255, 255), plain = ImageGrid.Compose([[image]], options);
        ImageBuffer bar = new(2, 1, 3, [255, 0, 0, 0, 0, 255]);
        ImageBuffer grid = ImageGrid.Compose([[image]], new ImageGridOptions
        {
            CellSize = 90, Gap = 0, LabelSize = 26, Legend = new ImageGridLegend(bar, "low", "high"), Footer = ["how to read it"],
        });
        Assert.Equal((90, 90 + 44 + 44), (grid.Width, grid.Height));
        Assert.Equal(90, plain.Height);
        // The middle third, from red to blue.
        Assert.Equal("255,0,0", Pixel(grid, 31, 90 + 15));
        Assert.Equal("0,0,255", Pixel(grid, 58, 90 + 15));
        Assert.Throws<ArgumentNullException>("bar", () => new ImageGridLegend(null!, "low", "high"));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ImageGridOptions { LabelSize = 7 });
    }

    [Fact]
    public void A_grid_without_images_is_refused()
        => Assert.Throws<ArgumentException>("rows", () => ImageGrid.Compose([[], []]));

    private static ImageBuffer Plain(int width, int height, byte r, byte g, byte b)
        => new(width, height, 3, Enumerable.Repeat(new[] { r, g, b }, width * height).SelectMany(p => p).ToArray());

    private static string Pixel(ImageBuffer image, int x, int y)
        => string.Join(',', image.Pixels.Skip(((y * image.Width) + x) * 3).Take(3));
}
