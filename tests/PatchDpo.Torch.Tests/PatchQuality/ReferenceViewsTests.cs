using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Tests.PatchEncoders;

namespace PatchDpo.Torch.Tests.PatchQuality;

/// <summary>Patches may match a reference smaller or mirrored, where an option says so.</summary>
public sealed class ReferenceViewsTests
{
    private static readonly ReferenceViews HalfAndMirrored = new() { Scales = [0.5], Mirrored = true };

    // A picture of four by four patches, on white.
    private static readonly ImageBuffer Reference = TestImages.Create(32, 32, (x, y) => IsObject(x, y) ? Colour(x, y) : (255, 255, 255));

    [Fact]
    public void A_mirrored_object_is_found_with_mirrored_views_alone()
    {
        ImageBuffer mirrored = TestImages.Create(32, 32, (x, y) => IsObject(31 - x, y) ? Colour(31 - x, y) : (255, 255, 255));
        using PixelEncoder encoder = new(32, 8);
        Assert.True(Score(encoder, null, mirrored).Generated.Values.Min() < 0.9f);
        Assert.True(Score(encoder, new ReferenceViews { Scales = [0.5] }, mirrored).Generated.Values.Min() < 0.9f);
        PatchQualityResult found = Score(encoder, new ReferenceViews { Mirrored = true }, mirrored);
        Assert.All(found.Generated.Values.Concat(found.Reference.Values), p => Assert.Equal(1, p, 1e-5f));
    }

    [Fact]
    public void An_object_half_as_large_is_found_with_half_size_views_alone()
    {
        ImageBuffer half = PillowResize.Resize(Reference, 16, 16, ResampleFilter.Bicubic);
        // At the right edge, a patch below the middle.
        ImageBuffer small = TestImages.Create(32, 32, (x, y) => x >= 16 && y >= 16 ? TestImages.Pixel(half, x - 16, y - 16) : (255, 255, 255));
        using PixelEncoder encoder = new(32, 8);
        Assert.True(Score(encoder, null, small).Generated.Values.Min() < 0.95f);
        PatchQualityResult found = Score(encoder, new ReferenceViews { Scales = [0.5] }, small);
        Assert.All(found.Generated.Values.Concat(found.Reference.Values), p => Assert.Equal(1, p, 1e-5f));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_object_seen_obliquely_is_found_with_tilted_views_alone(bool isNarrow)
    {
        (int width, int height) = isNarrow ? (16, 32) : (32, 16);
        ImageBuffer pressed = PillowResize.Resize(Reference, width, height, ResampleFilter.Bicubic);
        // At the left or the upper edge.
        ImageBuffer tilted = TestImages.Create(32, 32, (x, y) => x < width && y < height ? TestImages.Pixel(pressed, x, y) : (255, 255, 255));
        using PixelEncoder encoder = new(32, 8);
        Assert.True(Score(encoder, HalfAndMirrored, tilted).Generated.Values.Min() < 0.98f);
        PatchQualityResult found = Score(encoder, new ReferenceViews { Tilts = [2] }, tilted);
        Assert.All(found.Generated.Values.Concat(found.Reference.Values), p => Assert.Equal(1, p, 1e-5f));
    }

    [Fact]
    public void Every_size_and_tilt_is_a_view_and_each_stands_mirrored()
    {
        ReferenceViews views = new() { Scales = [0.5], Tilts = [2, 4], Mirrored = true };
        (double, double)[] sizes = [(1, 1), (0.5, 0.5), (0.5, 1), (1, 0.5), (0.25, 1), (1, 0.25)];
        Assert.Equal(sizes.SelectMany(s => new[] { new ReferenceView(s.Item1, s.Item2, false), new(s.Item1, s.Item2, true) }), views.All());
        Assert.Equal([ReferenceView.Itself], new ReferenceViews().All());
    }

    [Fact]
    public void A_view_is_encoded_once_a_reference()
    {
        ImageBuffer[] references = [Reference, TestImages.Blocks(2, 40, 30, 5)];
        ImageBuffer[] generated = [.. Enumerable.Range(10, 9).Select(i => TestImages.Blocks(i, 32, 32, 8))];
        using PixelEncoder encoder = new(32, 8);
        PatchQualityEstimator estimator = new(encoder, 4, referenceViews: HalfAndMirrored);
        ImageBuffer[] paired = [.. generated.Select((_, i) => references[i % 2])];
        estimator.Score(generated, paired);
        Assert.Equal(9 + (2 * 4), encoder.Encoded);
        // References of one call are known to the next; as generated images they have no views.
        estimator.Score([.. generated, .. references], [.. paired, .. references]);
        Assert.Equal(9 + (2 * 4), encoder.Encoded);
    }

    [Fact]
    public void Batches_of_any_size_give_the_same_values()
    {
        ImageBuffer[] generated = [.. Enumerable.Range(10, 5).Select(i => TestImages.Blocks(i, 32, 32, 8))];
        ImageBuffer[] references = [.. Enumerable.Range(30, 5).Select(i => TestImages.Blocks(i / 2, 40, 30, 5))];
        using PixelEncoder encoder = new(32, 8);
        float[][] values = [.. new[] { 1, 3, 64 }.Select(batch => new PatchQualityEstimator(encoder, batch, referenceViews: HalfAndMirrored)
            .Score(generated, references).SelectMany(r => r.Generated.Values.Concat(r.Reference.Values).Append(r.Score)).ToArray())];
        Assert.Equal(values[0], values[1]);
        Assert.Equal(values[0], values[2]);
    }

    [Fact]
    public void Views_of_nothing_but_the_reference_change_no_bit()
    {
        using PixelEncoder encoder = new(32, 8);
        ImageBuffer generated = TestImages.Blocks(5, 32, 32, 4);
        Assert.Equal(Score(encoder, null, generated).Generated.Values, Score(encoder, new ReferenceViews(), generated).Generated.Values);
    }

    [Fact]
    public void Views_never_lower_a_patchs_quality()
    {
        using PixelEncoder encoder = new(32, 8);
        ImageBuffer generated = TestImages.Blocks(6, 32, 32, 4);
        PatchQualityResult alone = Score(encoder, null, generated), views = Score(encoder, HalfAndMirrored, generated);
        Assert.All(views.Generated.Values.Zip(alone.Generated.Values).Concat(views.Reference.Values.Zip(alone.Reference.Values)),
            p => Assert.True(p.First >= p.Second));
    }

    [Fact]
    public void The_mask_of_a_reference_goes_with_its_views()
    {
        // The same pattern twice; the mask holds the left one. Mirrored it stands on the right, and what stood there is not to be matched.
        ImageBuffer reference = TestImages.Create(32, 32, (x, y) => x < 16 ? Colour(x, y) : (y * 8, 0, x * 8));
        ImageBuffer other = TestImages.Create(32, 32, (x, y) => ((y * 8), 0, (31 - x) * 8));
        bool[,] left = new bool[32, 32];
        for (int y = 0; y < 32; y++)
            for (int x = 0; x < 16; x++)
                left[y, x] = true;
        using PixelEncoder encoder = new(32, 8);
        PatchQualityEstimator estimator = new(encoder, referenceViews: new ReferenceViews { Mirrored = true });
        // The mirrored picture's left half is the distractor's.
        Assert.Equal(1, estimator.Score([other], [reference])[0].Generated[0, 0], 1e-5f);
        Assert.True(estimator.Score([other], [reference], [left])[0].Generated[0, 0] < 0.99f);
        ImageBuffer turned = TestImages.Create(32, 32, (x, y) => x >= 16 ? Colour(31 - x, y) : (0, 255, 0));
        PatchQualityResult found = estimator.Score([turned], [reference], [left])[0];
        Assert.Equal(1, found.Generated[1, 3], 1e-5f);
        Assert.All(found.Reference.Values, p => Assert.Equal(1, p, 1e-5f));
    }

    [Fact]
    public void What_stands_around_a_small_view_matches_nothing()
    {
        ImageBuffer framed = TestImages.Create(32, 32, (x, y) => x is 0 or 31 || y is 0 or 31 ? (255, 0, 0) : (0, 0, 255));
        ImageBuffer red = TestImages.Create(32, 32, (_, _) => (255, 0, 0));
        using PixelEncoder encoder = new(32, 8);
        Assert.All(Score(encoder, HalfAndMirrored, red, framed).Generated.Values, p => Assert.True(p < 0.9f));
    }

    [Fact]
    public void A_view_of_a_grey_or_transparent_picture_has_its_borders_colour_around_it()
    {
        ImageBuffer grey = new(4, 4, 1, [.. Enumerable.Repeat((byte)7, 16)]);
        Assert.All(new ReferenceView(0.5, 0.5, true).Draw(grey).Pixels, p => Assert.Equal(7, p));
        ImageBuffer clear = new(4, 4, 4, [.. Enumerable.Repeat(new byte[] { 9, 9, 9, 0 }, 16).SelectMany(p => p)]);
        Assert.All(new ReferenceView(0.5, 0.5, false).Draw(clear).Pixels, p => Assert.Equal(9, p));
    }

    [Fact]
    public void Impossible_scales_and_tilts_are_refused()
    {
        Assert.Equal("Tilts", Assert.Throws<ArgumentNullException>(() => new ReferenceViews { Tilts = null! }).ParamName);
        foreach (double tilt in new[] { 1, 4.1, 0.5, -2, double.NaN, double.PositiveInfinity })
            Assert.Equal("Tilts", Assert.Throws<ArgumentOutOfRangeException>(() => new ReferenceViews { Tilts = [tilt] }).ParamName);
        Assert.Throws<ArgumentException>(() => new ReferenceViews { Tilts = [2, 2] });
        Assert.Equal("Scales", Assert.Throws<ArgumentNullException>(() => new ReferenceViews { Scales = null! }).ParamName);
        foreach (double scale in new[] { 1, 0.2, 0, -1, double.NaN, double.PositiveInfinity })
            Assert.Equal("Scales", Assert.Throws<ArgumentOutOfRangeException>(() => new ReferenceViews { Scales = [scale] }).ParamName);
        Assert.Contains("0.5, 0.5", Assert.Throws<ArgumentException>(() => new ReferenceViews { Scales = [0.5, 0.5] }).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new ReferenceViews { Scales = [.. Enumerable.Range(0, 9).Select(i => 0.5 + (i / 100.0))] });
    }

    [Fact]
    public void Nothing_leaks()
    {
        using PixelEncoder encoder = new(32, 8);
        PatchQualityEstimator estimator = new(encoder, 2, referenceViews: HalfAndMirrored);
        bool[,] mask = ForegroundMask.FromPlainBackground(Reference);
        LeakCheck.Run(() => estimator.Score([Reference, Reference], [Reference, TestImages.Blocks(4, 9, 9, 3)], [mask, null]));
    }

    private static bool IsObject(int x, int y) => x is >= 8 and < 24 && y is >= 4 and < 28;

    private static (int R, int G, int B) Colour(int x, int y) => ((x * 37 % 256), y * 8, x * y % 256);

    private static PatchQualityResult Score(PixelEncoder encoder, ReferenceViews? views, ImageBuffer generated, ImageBuffer? reference = null)
        => new PatchQualityEstimator(encoder, referenceViews: views).Score([generated], [reference ?? Reference])[0];
}
