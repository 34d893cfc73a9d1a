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
    public void A_grid_without_images_is_refused()
        => Assert.Throws<ArgumentException>("rows", () => ImageGrid.Compose([[], []]));

    private static ImageBuffer Plain(int width, int height, byte r, byte g, byte b)
        => new(width, height, 3, Enumerable.Repeat(new[] { r, g, b }, width * height).SelectMany(p => p).ToArray());

    private static string Pixel(ImageBuffer image, int x, int y)
        => string.Join(',', image.Pixels.Skip(((y * image.Width) + x) * 3).Take(3));
}
