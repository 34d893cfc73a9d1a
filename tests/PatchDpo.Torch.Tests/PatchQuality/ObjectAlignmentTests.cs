using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Tests.PatchEncoders;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.PatchQuality;

/// <summary>Generated objects are judged in their references' place and size, where an option says so.</summary>
public sealed class ObjectAlignmentTests
{
    private static readonly (int, int, int) Red = (255, 0, 0), Green = (0, 255, 0), Blue = (0, 0, 255), Yellow = (255, 255, 0), White = (255, 255, 255);

    // Divided maps as they are.
    private static readonly WeightMapping Same = new(0, 1, 1);

    private static readonly ObjectAlignment Plain = new() { Smoothing = 0, InPlace = Same, Moved = Same };

    // Four parts of a patch of 8 pixels each, in the middle.
    private static readonly Placed Reference = Placed.Of(8, 8, 8, Red, Green, Blue, Yellow);

    [Theory]
    [InlineData(4, 4, 4, false)]
    [InlineData(20, 6, 5, false)]
    [InlineData(12, 20, 4, true)]
    [InlineData(0, 0, 16, true)]
    public void An_object_that_moved_is_right_and_its_wrong_part_is_not(int left, int top, int part, bool mirrored)
    {
        Placed right = mirrored ? Placed.Of(left, top, part, Green, Red, Yellow, Blue) : Placed.Of(left, top, part, Red, Green, Blue, Yellow);
        // The lower left part has the colour of none.
        Placed wrong = mirrored ? Placed.Of(left, top, part, Green, Red, Yellow, (0, 255, 255)) : Placed.Of(left, top, part, Red, Green, (0, 255, 255), Yellow);
        PatchQualityResult good = Score(right), bad = Score(wrong);
        Assert.True(good.IsMoved);
        Assert.All(good.Generated.Values.Concat(good.Reference.Values), p => Assert.InRange(p, 0.9f, 1));
        Assert.True(bad.Score < good.Score - 0.1f);
        Assert.InRange(bad.Reference[2, 1], 0, 0.4f);
        Assert.All(new[] { bad.Reference[1, 1], bad.Reference[1, 2], bad.Reference[2, 2] }, p => Assert.InRange(p, 0.9f, 1));
        // In the generated image the fault is where the part is.
        int row = (top + part + (part / 2)) / 8, column = (left + (mirrored ? part : 0) + (part / 2)) / 8;
        Assert.True(bad.Generated[row, column] < good.Generated[row, column] - 0.1f);
    }

    [Fact]
    public void An_object_in_place_is_compared_there()
    {
        PatchQualityResult result = Score(Reference);
        Assert.False(result.IsMoved);
        Assert.All(result.Generated.Values.Concat(result.Reference.Values), p => Assert.Equal(1, p, 1e-5f));
        Assert.Equal(1, result.Score, 1e-5f);
    }

    [Fact]
    public void Another_parts_colour_is_a_fault_by_its_distance()
    {
        Placed swapped = Placed.Of(8, 8, 8, Red, Blue, Green, Yellow);
        PatchQualityResult near = Score(swapped);
        PatchQualityResult anywhere = Score(swapped, new ObjectAlignment { Displacement = 0, Smoothing = 0, InPlace = Same, Moved = Same });
        Assert.All(anywhere.Generated.Values, p => Assert.Equal(1, p, 1e-5f));
        Assert.All(new[] { near.Generated[1, 2], near.Generated[2, 1] }, p => Assert.InRange(p, 0, 0.7f));
        Assert.Equal(1, near.Generated[1, 1], 1e-5f);
    }

    [Fact]
    public void A_part_in_its_neighbours_smoothed_is_judged_with_them()
    {
        Placed wrong = Placed.Of(8, 8, 8, Red, Green, Blue, (0, 255, 255));
        ObjectAlignment smooth = new() { Displacement = 1000, Smoothing = 1, InPlace = Same, Moved = Same, Percentile = 100 };
        PatchQualityResult alone = Score(wrong, new ObjectAlignment { Displacement = 1000, Smoothing = 0, InPlace = Same, Moved = Same, Percentile = 100 });
        PatchQualityResult together = Score(wrong, smooth);
        Assert.True(together.Reference[2, 2] > alone.Reference[2, 2] + 0.1f);
        Assert.True(together.Reference[1, 1] > together.Reference[1, 2]);
    }

    [Fact]
    public void A_line_says_how_likely_a_patch_is_right_of_objects_in_place_and_of_moved_ones()
    {
        ObjectAlignment lines = new() { Smoothing = 0, InPlace = new WeightMapping(0, 2, 1), Moved = new WeightMapping(0, 4, 1) };
        Assert.Equal(0.5f, Score(Reference, lines).Generated[1, 1], 1e-5f);
        Assert.InRange(Score(Placed.Of(0, 0, 4, Red, Green, Blue, Yellow), lines).Generated[0, 0], 0.2f, 0.26f);
        // Where no object is there is nothing to find fault with.
        Assert.Equal(1, Score(Reference, lines).Generated[0, 0]);
    }

    [Fact]
    public void Masks_may_have_another_size_and_images_any()
    {
        Placed small = Placed.Of(0, 0, 4, Red, Green, Blue, Yellow);
        bool[,] coarse = new bool[8, 8];
        (coarse[0, 0], coarse[0, 1], coarse[1, 0], coarse[1, 1]) = (true, true, true, true);
        ImageBuffer large = PillowResize.Resize(Reference.Image, 96, 64, ResampleFilter.Nearest);
        using PixelEncoder encoder = new(32, 8);
        PatchQualityEstimator estimator = new(encoder, objectAlignment: Plain);
        IReadOnlyList<PatchQualityResult> results = estimator.Score(
            [small.Image, small.Image], [Reference.Image, large], [Reference.Mask, Reference.Mask], [coarse, coarse]);
        Assert.Equal(Score(small).Generated.Values, results[0].Generated.Values);
        Assert.Equal((4, 4), (results[1].Generated.Height, results[1].Generated.Width));
    }

    [Fact]
    public void Masks_that_leave_out_an_outline_are_grown_by_a_margin()
    {
        // The mask is a pixel smaller on each side than the object.
        Placed small = Placed.Of(4, 4, 4, Red, Green, Blue, Yellow);
        bool[,] inner = new bool[32, 32];
        for (int y = 5; y < 11; y++)
            for (int x = 5; x < 11; x++)
                inner[y, x] = true;
        Placed bare = small with { Mask = inner };
        ObjectAlignment grown = new() { Margin = 1, Smoothing = 0, InPlace = Same, Moved = Same };
        Assert.Equal(Score(small).Reference.Values, Score(bare, grown).Reference.Values);
        Assert.NotEqual(Score(small).Reference.Values, Score(bare).Reference.Values);
    }

    [Fact]
    public void Batches_of_any_size_give_the_same_values_and_a_reference_is_encoded_once()
    {
        Placed[] generated = [.. Enumerable.Range(0, 5).Select(i => Placed.Of(i, 2 * i, 3 + i, Red, Green, i % 2 == 0 ? Blue : White, Yellow))];
        using PixelEncoder encoder = new(32, 8);
        float[][] values = [.. new[] { 1, 2, 64 }.Select(batch => new PatchQualityEstimator(encoder, batch, objectAlignment: Plain)
            .Score([.. generated.Select(g => g.Image)], [.. generated.Select(_ => Reference.Image)], [.. generated.Select(_ => Reference.Mask)],
                [.. generated.Select(g => g.Mask)]).SelectMany(r => r.Generated.Values.Concat(r.Reference.Values).Append(r.Score)).ToArray())];
        Assert.Equal(values[0], values[1]);
        Assert.Equal(values[0], values[2]);
        Assert.Equal(3 * (1 + (3 * 5)), encoder.Encoded);
    }

    [Fact]
    public void What_stands_around_the_objects_changes_nothing()
    {
        Placed small = Placed.Of(0, 0, 4, Red, Green, Blue, Yellow);
        ImageBuffer scene = TestImages.Create(32, 32, (x, y) => x < 9 && y < 9 ? TestImages.Pixel(small.Image, x, y) : (x * 8, y * 8, 0));
        Assert.Equal(Score(small).Generated.Values, Score(small with { Image = scene }).Generated.Values);
    }

    [Fact]
    public void A_mask_that_is_missing_or_empty_is_named_with_its_pair()
    {
        using PixelEncoder encoder = new(32, 8);
        PatchQualityEstimator estimator = new(encoder, objectAlignment: new ObjectAlignment());
        bool[,] empty = new bool[4, 4];
        ImageBuffer image = Reference.Image;
        bool[,] mask = Reference.Mask;
        Assert.Equal("The generated image of pair 0 has no foreground mask; an object is aligned by the masks of both images.",
            Assert.Throws<ArgumentException>(() => estimator.Score([image], [image], [mask])).Message);
        Assert.Equal("The reference of pair 1 has no foreground mask; an object is aligned by the masks of both images.",
            Assert.Throws<ArgumentException>(() => estimator.Score([image, image], [image, image], [mask, null], [mask, mask])).Message);
        Assert.Equal("The foreground mask of the generated image of pair 1 holds no foreground.",
            Assert.Throws<ArgumentException>(() => estimator.Score([image, image], [image, image], [mask, mask], [mask, empty])).Message);
    }

    [Fact]
    public void It_goes_neither_with_views_nor_with_several_objects()
    {
        using PixelEncoder encoder = new(32, 8);
        Assert.Throws<ArgumentException>(
            () => new PatchQualityEstimator(encoder, referenceViews: new ReferenceViews(), objectAlignment: new ObjectAlignment()));
        PatchQualityEstimator estimator = new(encoder, objectAlignment: new ObjectAlignment());
        Assert.Throws<ArgumentException>(() => estimator.ScoreObjects([Reference.Image], [[Reference.Image]]));
    }

    [Fact]
    public void Numbers_out_of_their_ranges_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new ObjectAlignment { Displacement = -1 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ObjectAlignment { Smoothing = 1.5 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ObjectAlignment { Percentile = double.NaN });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ObjectAlignment { Margin = 65 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ObjectAlignment { ColorSpread = 2.5 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ObjectAlignment { ColorSpread = double.NaN });
        Assert.Throws<ArgumentNullException>(() => new ObjectAlignment { InPlace = null! });
        Assert.Throws<ArgumentNullException>(() => new ObjectAlignment { Moved = null! });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Colours_are_compared_where_most_agree_also_where_a_flag_moves_the_masks_centre(bool mirrored)
    {
        Placed bare = mirrored ? Placed.Of(2, 18, 5, Green, Red, Yellow, Blue) : Placed.Of(2, 18, 5, Red, Green, Blue, Yellow);
        // A sixth of the object's area, beside it, in the mask.
        bool[,] mask = (bool[,])bare.Mask.Clone();
        ImageBuffer flagged = TestImages.Create(32, 32, (x, y) =>
        {
            if (x is < 12 or >= 16 || y is < 18 or >= 22)
                return TestImages.Pixel(bare.Image, x, y);
            mask[y, x] = true;
            return (0, 255, 255);
        });
        Placed with = new(flagged, mask);
        float[] features = Score(with).Reference.Values, seeing = Score(with, Coloured(0.2)).Reference.Values;
        Assert.All(features.Zip(seeing), p => Assert.InRange(p.Second, p.First * 0.9f, p.First));
        // What the reference has not is a fault.
        Assert.InRange(Score(with, Coloured(0.2)).Generated[2, 1], 0, Score(with).Generated[2, 1] * 0.75f);
    }

    [Theory]
    [InlineData(8, 8, 8)]
    [InlineData(4, 20, 4)]
    public void A_colour_that_is_off_counts_by_its_distance_where_features_are_alike(int left, int top, int part)
    {
        // Darker by 0.2 of red alone: in the encoder's eyes the same direction.
        Placed dark = Placed.Of(left, top, part, (204, 0, 0), Green, Blue, Yellow);
        PatchQualityResult blind = Score(dark), seeing = Score(dark, Coloured(0.15));
        float expected = (float)Math.Exp(-0.04 / (2 * 0.15 * 0.15));
        Assert.Equal(blind.Reference[1, 1] * expected, seeing.Reference[1, 1], 0.1f);
        Assert.All(new[] { (1, 2), (2, 1), (2, 2) }, p => Assert.Equal(blind.Reference[p.Item1, p.Item2], seeing.Reference[p.Item1, p.Item2], 0.05f));
        int row = (top + (part / 2)) / 8, column = (left + (part / 2)) / 8;
        Assert.True(seeing.Generated[row, column] < blind.Generated[row, column] - 0.1f);
        Assert.Equal(1, seeing.Generated[3, 3]);
    }

    [Fact]
    public void Colours_are_compared_on_one_grid_whatever_the_images_sizes()
    {
        ImageBuffer large = PillowResize.Resize(Reference.Image, 192, 192, ResampleFilter.Nearest);
        using PixelEncoder encoder = new(32, 8);
        PatchQualityEstimator estimator = new(encoder, objectAlignment: Coloured(0.1));
        PatchQualityResult result = estimator.Score([Reference.Image], [large], [Reference.Mask], [Reference.Mask])[0];
        Assert.All(result.Generated.Values.Concat(result.Reference.Values), p => Assert.InRange(p, 0.8f, 1.0001f));
    }

    [Fact]
    public void What_a_match_loses_by_its_distance_is_the_same_in_tiles()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor generated = Unit(1, 5, 4), reference = Unit(2, 3, 6);
        (Tensor p, Tensor q) = PatchSimilarity.ComputeBoth(generated, reference, null, null, 20, isUnit: true, displacement: 2);
        double[,] matches = new double[20, 18];
        for (int i = 0; i < 20; i++)
            for (int j = 0; j < 18; j++)
            {
                double cosine = generated[0, i / 4, i % 4].dot(reference[0, j / 6, j % 6]).item<float>();
                double x = (((i % 4) + 0.5) / 4) - (((j % 6) + 0.5) / 6), y = (((i / 4) + 0.5) / 5) - (((j / 6) + 0.5) / 3);
                matches[i, j] = cosine - (2 * ((x * x) + (y * y)));
            }
        Assert.All(Enumerable.Range(0, 20), i => Assert.Equal(
            Enumerable.Range(0, 18).Max(j => matches[i, j]), p[0, i / 4, i % 4].item<float>(), 1e-5));
        Assert.All(Enumerable.Range(0, 18), j => Assert.Equal(
            Enumerable.Range(0, 20).Max(i => matches[i, j]), q[0, j / 6, j % 6].item<float>(), 1e-5));
    }

    private static Tensor Unit(int seed, int rows, int columns)
    {
        using Generator generator = new((ulong)seed);
        return nn.functional.normalize(randn(1, rows, columns, 7, generator: generator), dim: 3);
    }

    private static ObjectAlignment Coloured(double spread) => new() { Smoothing = 0, InPlace = Same, Moved = Same, ColorSpread = spread };

    private static PatchQualityResult Score(Placed generated, ObjectAlignment? alignment = null)
    {
        using PixelEncoder encoder = new(32, 8);
        var estimator = new PatchQualityEstimator(encoder, objectAlignment: alignment ?? Plain);
        return estimator.Score([generated.Image], [Reference.Image], [Reference.Mask], [generated.Mask])[0];
    }

    /// <summary>An object of two by two parts on white, in an image of 32 x 32 pixels.</summary>
    private sealed record Placed(ImageBuffer Image, bool[,] Mask)
    {
        public static Placed Of(int left, int top, int part, params (int, int, int)[] colours)
        {
            bool[,] mask = new bool[32, 32];
            ImageBuffer image = TestImages.Create(32, 32, (x, y) =>
            {
                if (x < left || y < top || x >= left + (2 * part) || y >= top + (2 * part))
                    return White;
                mask[y, x] = true;
                return colours[((y - top) / part * 2) + ((x - left) / part)];
            });
            return new Placed(image, mask);
        }
    }
}
