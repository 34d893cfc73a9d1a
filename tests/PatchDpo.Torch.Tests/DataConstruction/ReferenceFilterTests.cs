using PatchDpo.Torch.DataConstruction;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Tests.Evaluation;
using PatchDpo.Torch.Tests.PatchEncoders;

namespace PatchDpo.Torch.Tests.DataConstruction;

public class ReferenceFilterTests
{
    private static readonly ImageBuffer Red = Painter.Disc((220, 20, 20), 16, 16, 8);

    [Fact]
    public void An_object_on_a_plain_background_becomes_a_reference()
    {
        ReferenceVerdict verdict = Filter(new()).Judge("a red disc", Red);
        Assert.Null(verdict.Rejection);
        Assert.Equal(1, verdict.PlainBorder);
        Assert.Equal(197 / 1024.0, verdict.Foreground);
        Assert.Null(verdict.ClipT);
        Assert.Null(verdict.Similarity);
    }

    [Fact]
    public void Other_pictures_are_rejected_for_what_is_wrong_with_them()
    {
        Rejects(ReferenceRejection.BackgroundNotPlain, TestImages.Blocks(1, 32, 32, 4), new());
        Rejects(ReferenceRejection.BackgroundNotPlain, Painter.Disc((220, 20, 20), 16, 30, 12), new());
        Rejects(ReferenceRejection.ObjectTooSmall, Painter.Disc((0, 0, 0), 0, 0, -1), new());
        Rejects(ReferenceRejection.ObjectTooSmall, Red, new() { MinForeground = 0.2 });
        Rejects(ReferenceRejection.ObjectTooLarge, Red, new() { MaxForeground = 0.19 });
        // A background of faint shadows is plain to a tolerance.
        ImageBuffer shaded = TestImages.Create(32, 32, (x, y) => x is > 8 and < 24 && y is > 8 and < 24 ? (20, 20, 220) : (240 - y, 240 - y, 240 - y));
        Rejects(null, shaded, new());
        Rejects(ReferenceRejection.BackgroundNotPlain, shaded, new() { BackgroundTolerance = 4 });
    }

    [Fact]
    public void The_border_counts_every_pixel_once()
    {
        // 20 of the 124 pixels of the border belong to the object.
        ImageBuffer cut = TestImages.Create(32, 32, (x, y) => y == 0 && x < 20 ? (0, 0, 0) : (255, 255, 255));
        ReferenceVerdict verdict = Filter(new() { MinPlainBorder = 0, MinForeground = 0 }).Judge("a line", cut);
        Assert.Equal(104 / 124.0, verdict.PlainBorder);
        Assert.Equal(20 / 1024.0, verdict.Foreground);
        ReferenceVerdict strip = Filter(new() { MinPlainBorder = 0, MinForeground = 0, MaxSimilarity = null })
            .Judge("a line", TestImages.Create(1, 4, (x, y) => y == 0 ? (0, 0, 0) : (255, 255, 255)));
        Assert.Equal(0.75, strip.PlainBorder);
    }

    [Fact]
    public void A_near_duplicate_of_an_earlier_reference_is_rejected_and_named()
    {
        ReferenceFilter filter = Filter(new() { MaxSimilarity = 0.97 });
        filter.Accept(Painter.Disc((20, 20, 220), 16, 16, 8));
        filter.Accept(Red);
        ReferenceVerdict other = filter.Judge("a disc", Painter.Disc((220, 220, 20), 12, 12, 7));
        Assert.Null(other.Rejection);
        Assert.InRange(other.Similarity!.Value, 0, 0.97);
        ReferenceVerdict twin = filter.Judge("a disc", Painter.Disc((221, 20, 20), 16, 16, 8));
        Assert.Equal((ReferenceRejection.NearDuplicate, 1), (twin.Rejection, twin.MostSimilar));
        Assert.InRange(twin.Similarity!.Value, 0.999, 1.001);
    }

    [Fact]
    public void Without_a_limit_nothing_is_encoded()
    {
        var encoder = new PixelEncoder(32, 8);
        var clip = new ColourClip();
        var filter = new ReferenceFilter(new() { MaxSimilarity = null }, encoder, clip);
        filter.Accept(Red);
        Assert.Null(filter.Judge("a blue disc", Red).Rejection);
        Assert.Equal((0, 0), (encoder.Encoded, clip.EncodedImages));
    }

    [Fact]
    public void A_picture_that_is_not_what_the_prompt_says_is_rejected()
    {
        var filter = new ReferenceFilter(new() { MinClipT = 0.6 }, new PixelEncoder(32, 8), new ColourClip());
        ReferenceVerdict right = filter.Judge("a red disc", Red), wrong = filter.Judge("a blue disc", Red);
        Assert.Null(right.Rejection);
        Assert.Equal(ReferenceRejection.PromptNotFollowed, wrong.Rejection);
        Assert.True(right.ClipT > 0.6 && wrong.ClipT < 0.6);
        Assert.Throws<ArgumentException>(() => new ReferenceFilter(new() { MinClipT = 0.6 }, new PixelEncoder(32, 8), null));
    }

    [Fact]
    public void Judging_leaks_nothing() => LeakCheck.Run(() =>
    {
        var filter = new ReferenceFilter(new() { MinClipT = -1 }, new PixelEncoder(32, 8), new ColourClip());
        filter.Accept(Red);
        filter.Judge("a red disc", Red);
    });

    [Fact]
    public void Options_are_validated_when_set()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new ReferenceFilterOptions { BackgroundTolerance = 256 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ReferenceFilterOptions { MinPlainBorder = double.NaN });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ReferenceFilterOptions { MinForeground = -0.1 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ReferenceFilterOptions { MaxForeground = 1.1 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ReferenceFilterOptions { MinClipT = 2 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ReferenceFilterOptions { MaxSimilarity = -2 });
    }

    private static ReferenceFilter Filter(ReferenceFilterOptions options) => new(options, new PixelEncoder(32, 8), null);

    private static void Rejects(ReferenceRejection? reason, ImageBuffer image, ReferenceFilterOptions options)
        => Assert.Equal(reason, Filter(options).Judge("a disc", image).Rejection);
}
