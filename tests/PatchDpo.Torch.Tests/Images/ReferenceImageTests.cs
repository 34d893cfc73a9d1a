using PatchDpo.Torch.Images;
using PatchDpo.Torch.Tests.Personalization;
using PatchDpo.Torch.Training.Data;

namespace PatchDpo.Torch.Tests.Images;

public class ReferenceImageTests
{
    [Fact]
    public void An_image_alone_is_a_reference()
    {
        ImageBuffer image = TinyModelFixture.Image(1);
        ReferenceImage reference = image;
        Assert.Same(image, reference.Image);
        Assert.Empty(reference.OtherPhotos);
        ImageBuffer? none = null;
        Assert.Null((ReferenceImage?)none);
        Assert.Throws<ArgumentNullException>("image", () => new ReferenceImage(null!));
    }

    [Theory]
    [InlineData(-0.1, 0, 0.5, 1, "right")]
    [InlineData(0.5, 0, 0.5, 1, "right")]
    [InlineData(0, 0.2, 1, 1.01, "bottom")]
    [InlineData(0, 0, double.NaN, 1, "right")]
    public void A_box_outside_the_picture_or_without_area_is_refused(double left, double top, double right, double bottom, string parameter)
        => Assert.Contains("does not lie in the picture", Assert.Throws<ArgumentOutOfRangeException>(parameter, () => new LayoutBox(left, top, right, bottom))
            .Message, StringComparison.Ordinal);

    [Fact]
    public void References_are_told_apart_by_all_that_they_carry()
    {
        static ReferenceImage Make() => new(TinyModelFixture.Image(1));
        ReferenceImage[] different =
        [
            Make(), new(TinyModelFixture.Image(2)), Make() with { Name = "cat" }, Make() with { Box = new LayoutBox(0, 0, 0.5, 1) },
            Make() with { Mask = TinyModelFixture.Image(3) }, Make() with { OtherPhotos = [TinyModelFixture.Image(4)] },
            Make() with { Name = "" }, Make() with { Box = new LayoutBox(0, 0, 1, 0.5) }, Make() with { Scale = 0.5 },
            Make() with { OtherPhotos = [TinyModelFixture.Image(3)] },
        ];
        Assert.Equal(different.Length, different.Select(PairRecord.ContentOf).Distinct().Count());
        // Equal pictures that are other objects are no difference, and an image alone is its picture.
        Assert.Equal(PairRecord.ContentOf(Make() with { Mask = TinyModelFixture.Image(3) }), PairRecord.ContentOf(Make() with { Mask = TinyModelFixture.Image(3) }));
        Assert.Equal(TinyModelFixture.Image(1).Content, PairRecord.ContentOf(Make()));
    }
}
