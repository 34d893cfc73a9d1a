using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Tests.PatchEncoders;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.PatchQuality;

public sealed class PatchQualityEstimatorTests
{
    private static readonly ImageBuffer Image = TestImages.Blocks(1, 32, 32, 4);

    [Fact]
    public void An_image_scores_one_against_itself_and_a_spoilt_patch_shows_on_both_sides()
    {
        using PixelEncoder encoder = new(32, 8);
        ImageBuffer spoilt = TestImages.Create(32, 32, (x, y) => x is >= 8 and < 16 && y >= 24
            ? (x * 16 % 256, y * 7, 0)
            : (Image.Pixels[((y * 32) + x) * 3], Image.Pixels[(((y * 32) + x) * 3) + 1], Image.Pixels[(((y * 32) + x) * 3) + 2]));
        IReadOnlyList<PatchQualityResult> results = new PatchQualityEstimator(encoder).Score([Image, spoilt], [Image, Image]);
        Assert.Equal(1, results[0].Score, 1e-5f);
        Assert.All(results[0].Generated.Values, v => Assert.Equal(1, v, 1e-5f));
        foreach (QualityMap map in new[] { results[1].Generated, results[1].Reference })
            for (int i = 0; i < 16; i++)
                Assert.Equal(i != 13, map.Values[i] > 0.999f);
        Assert.Equal((results[1].Generated.Mean() + results[1].Reference.Mean()) / 2, results[1].Score, 1e-5f);
    }

    [Fact]
    public void Batches_of_any_size_give_the_same_results_and_a_reference_is_encoded_once()
    {
        ImageBuffer[] references = [TestImages.Blocks(2, 40, 40, 5), TestImages.Blocks(3, 25, 60, 5)];
        ImageBuffer[] generated = Enumerable.Range(10, 7).Select(i => TestImages.Blocks(i, 20 + i, 33, 6)).ToArray();
        ImageBuffer[] paired = Enumerable.Range(0, 7).Select(i => references[i % 2]).ToArray();
        using PixelEncoder encoder = new(32, 8);
        float[] expected = [.. new PatchQualityEstimator(encoder, 64).Score(generated, paired).Select(r => r.Score)];
        Assert.Equal(9, encoder.Encoded);
        foreach (int batch in new[] { 1, 3, 7 })
        {
            using PixelEncoder fresh = new(32, 8);
            Assert.Equal(expected, new PatchQualityEstimator(fresh, batch).Score(generated, paired).Select(r => r.Score));
            Assert.Equal(9, fresh.Encoded);
        }
    }

    [Fact]
    public void Encoders_whose_grid_follows_the_image_may_see_two_sizes()
    {
        using PixelEncoder encoder = new(0, 8, image =>
        {
            using DisposeScope scope = NewDisposeScope();
            return tensor(image.Pixels, [image.Height, image.Width, 3]).permute(2, 0, 1).to(float32).sub(127).MoveToOuterDisposeScope();
        });
        ImageBuffer[] generated = [TestImages.Blocks(5, 64, 64, 8), Image, TestImages.Blocks(6, 64, 64, 8)];
        IReadOnlyList<PatchQualityResult> results = new PatchQualityEstimator(encoder).Score(generated, [Image, Image, Image]);
        Assert.Equal([8, 4, 8], results.Select(r => r.Generated.Height));
        Assert.All(results, r => Assert.Equal(4, r.Reference.Width));
        Assert.Equal(1, results[1].Score, 1e-5f);
    }

    [Fact]
    public void A_preprocessor_that_crops_still_shows_the_whole_image()
    {
        // Resizes to 40 and keeps the middle 32; the corner patch holds the image's own corner all the same.
        using PixelEncoder cropping = new(0, 8, image =>
        {
            using DisposeScope scope = NewDisposeScope();
            ImageBuffer small = PillowResize.Resize(image.ToRgb(), 40, 40, ResampleFilter.Box).Crop(4, 4, 32, 32);
            return tensor(small.Pixels, [32, 32, 3]).permute(2, 0, 1).to(float32).sub(127).MoveToOuterDisposeScope();
        });
        ImageBuffer plain = TestImages.Create(256, 256, (_, _) => (30, 200, 90));
        ImageBuffer corner = TestImages.Create(256, 256, (x, y) => x < 64 && y < 64 ? (200, 0, 250) : (30, 200, 90));
        QualityMap map = new PatchQualityEstimator(cropping).Score([corner], [plain])[0].Generated;
        for (int i = 0; i < 16; i++)
            Assert.Equal(i != 0, map.Values[i] > 0.99f);
        Assert.True(map[0, 0] < 0.2f);
    }

    [Fact]
    public void With_a_reference_mask_only_its_foreground_counts()
    {
        using PixelEncoder encoder = new(32, 8);
        ImageBuffer reference = TestImages.Create(32, 32, (x, y) => x is >= 8 and < 16 && y is >= 8 and < 24 ? (200, (x * 8) % 256, y * 4) : (255, 255, 255));
        ImageBuffer scene = TestImages.Create(32, 32, (x, y) => x is >= 16 and < 24 && y is >= 8 and < 24 ? (200, ((x - 8) * 8) % 256, y * 4)
            : (x * 5, 255 - (y * 6), 77));
        PatchQualityEstimator estimator = new(encoder);
        bool[,] mask = ForegroundMask.FromPlainBackground(reference);
        PatchQualityResult masked = estimator.Score([scene], [reference], [mask])[0], plain = estimator.Score([scene], [reference])[0];
        Assert.Equal(1, masked.Score, 1e-5f);
        Assert.True(plain.Score < 0.95f);
        bool[] foreground = [.. ForegroundMask.ToPatchGrid(mask, masked.Reference.Height, masked.Reference.Width).Cast<bool>()];
        Assert.Contains(false, foreground);
        Assert.Equal(plain.Reference.Values.Zip(foreground, (quality, inside) => inside ? quality : 1), masked.Reference.Values);
        Assert.All(masked.Generated.Values.Zip(plain.Generated.Values), v => Assert.True(v.First <= v.Second + 1e-6f));
    }

    [Fact]
    public void Pairs_with_and_without_masks_are_scored_together_as_each_alone()
    {
        using PixelEncoder encoder = new(32, 8);
        bool[,] left = new bool[4, 4], top = new bool[2, 2];
        left[1, 0] = left[2, 0] = top[0, 1] = true;
        ImageBuffer[] generated = [.. Enumerable.Range(20, 6).Select(i => TestImages.Blocks(i, 32, 32, 5))];
        ImageBuffer[] references = [.. Enumerable.Range(30, 6).Select(i => TestImages.Blocks(i, 32, 32, 5))];
        bool[,]?[] generatedMasks = [null, left, null, top, null, top], referenceMasks = [null, top, left, null, left, null];
        PatchQualityEstimator estimator = new(encoder);
        IReadOnlyList<PatchQualityResult> together = estimator.Score(generated, references, referenceMasks, generatedMasks);
        for (int i = 0; i < generated.Length; i++)
        {
            PatchQualityResult alone = estimator.Score([generated[i]], [references[i]], [referenceMasks[i]], [generatedMasks[i]])[0];
            Assert.Equal(alone.Score, together[i].Score, 1e-5f);
            Assert.Equal(alone.Generated.Values, together[i].Generated.Values, (a, b) => Math.Abs(a - b) < 1e-5f);
            Assert.Equal(alone.Reference.Values, together[i].Reference.Values, (a, b) => Math.Abs(a - b) < 1e-5f);
        }
    }

    [Fact]
    public void An_empty_mask_and_lists_of_other_lengths_are_refused_with_their_place()
    {
        using PixelEncoder encoder = new(32, 8);
        PatchQualityEstimator estimator = new(encoder);
        Assert.Contains("reference of pair 1", Assert.Throws<ArgumentException>(() => estimator.Score([Image, Image], [Image, Image], [null, new bool[4, 4]]))
            .Message, StringComparison.Ordinal);
        Assert.Contains("1 references", Assert.Throws<ArgumentException>(() => estimator.Score([Image, Image], [Image])).Message, StringComparison.Ordinal);
        Assert.Contains("0 generatedMasks", Assert.Throws<ArgumentException>(() => estimator.Score([Image], [Image], null, [])).Message,
            StringComparison.Ordinal);
        Assert.Empty(estimator.Score([], []));
    }

    [Fact]
    public void Cancelling_stops_between_batches()
    {
        using PixelEncoder encoder = new(32, 8);
        using CancellationTokenSource source = new();
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() => new PatchQualityEstimator(encoder).Score([Image], [Image], cancellationToken: source.Token));
    }

    [Fact]
    public void Nothing_leaks()
    {
        using PixelEncoder encoder = new(32, 8);
        PatchQualityEstimator estimator = new(encoder, 2);
        LeakCheck.Run(() => estimator.Score([Image, Image, Image], [Image, Image, TestImages.Blocks(4, 9, 9, 3)],
            [ForegroundMask.FromPlainBackground(Image), null, null]));
    }
}
