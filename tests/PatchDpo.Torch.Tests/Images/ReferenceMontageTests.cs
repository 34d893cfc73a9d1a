using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.Tests.Images;

public class ReferenceMontageTests
{
    private static readonly (int, int, int) White = (255, 255, 255);

    [Fact]
    public void Two_squares_stand_side_by_side_in_the_middle()
    {
        ImageBuffer montage = ReferenceMontage.Compose([Plain(64, 64, (200, 10, 20)), Plain(64, 64, (1, 2, 230))], 64);
        AssertEqual(montage, 64, (x, y) => y is < 16 or >= 48 ? White : x < 32 ? (200, 10, 20) : (1, 2, 230));
    }

    [Fact]
    public void One_reference_is_fitted_into_the_square()
    {
        AssertEqual(ReferenceMontage.Compose([Plain(30, 20, (9, 8, 7))], 15), 15, (_, y) => y is < 2 or >= 12 ? White : (9, 8, 7));
        AssertEqual(ReferenceMontage.Compose([Plain(10, 40, (9, 8, 7))], 20), 20, (x, _) => x is < 7 or >= 12 ? White : (9, 8, 7));
        ImageBuffer photo = TestImages.Blocks(1, 24, 24, 5);
        ImageBuffer same = ReferenceMontage.Compose([photo], 24);
        Assert.Equal(photo.Pixels, same.Pixels);
        Assert.NotSame(photo.Pixels, same.Pixels);
    }

    [Fact]
    public void Each_reference_is_resized_as_Pillow_does()
    {
        ImageBuffer first = TestImages.Blocks(1, 50, 50, 7), second = TestImages.Blocks(2, 60, 30, 7);
        ImageBuffer montage = ReferenceMontage.Compose([first, second], 40);
        Assert.Equal(PillowResize.Resize(first, 20, 20, ResampleFilter.Bicubic).Pixels, montage.Crop(0, 10, 20, 20).Pixels);
        Assert.Equal(PillowResize.Resize(second, 20, 10, ResampleFilter.Bicubic).Pixels, montage.Crop(20, 15, 20, 10).Pixels);
        Assert.All(montage.Crop(20, 0, 20, 15).Pixels.Concat(montage.Crop(0, 30, 40, 10).Pixels), p => Assert.Equal(255, p));
    }

    [Fact]
    public void Cells_that_do_not_divide_the_side_fill_it_all_the_same()
    {
        // Cells of 3, 3 and 4 columns.
        ImageBuffer montage = ReferenceMontage.Compose([Plain(1, 100, (1, 1, 1)), Plain(3, 10, (2, 2, 2)), Plain(4, 10, (3, 3, 3))], 10);
        AssertEqual(montage, 10, (x, _) => x switch { 1 => (1, 1, 1), >= 3 and < 6 => (2, 2, 2), >= 6 => (3, 3, 3), _ => White });
    }

    [Fact]
    public void A_line_keeps_a_pixel_and_grey_and_transparent_images_become_RGB()
    {
        ImageBuffer line = new(400, 1, 1, [.. Enumerable.Repeat((byte)40, 400)]), clear = new(1, 1, 4, [5, 6, 7, 0]);
        AssertEqual(ReferenceMontage.Compose([line, clear], 8), 8, (x, y) => (x, y) switch
        {
            ( < 4, 3) => (40, 40, 40),
            ( >= 4, >= 2 and < 6) => (5, 6, 7),
            _ => White,
        });
    }

    [Fact]
    public void What_cannot_be_composed_is_refused()
    {
        Assert.Throws<ArgumentNullException>("references", () => ReferenceMontage.Compose(null!, 8));
        Assert.Throws<ArgumentException>("references", () => ReferenceMontage.Compose([], 8));
        Assert.Throws<ArgumentException>("references", () => ReferenceMontage.Compose([Plain(1, 1, White), null!], 8));
        Assert.Throws<ArgumentOutOfRangeException>("size", () => ReferenceMontage.Compose([Plain(1, 1, White), Plain(1, 1, White)], 1));
    }

    private static ImageBuffer Plain(int width, int height, (int, int, int) colour) => TestImages.Create(width, height, (_, _) => colour);

    private static void AssertEqual(ImageBuffer actual, int size, Func<int, int, (int R, int G, int B)> expected)
    {
        Assert.Equal((size, size, 3), (actual.Width, actual.Height, actual.Channels));
        Assert.Equal(TestImages.Create(size, size, expected).Pixels, actual.Pixels);
    }
}
