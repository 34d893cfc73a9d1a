using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Tests.PatchEncoders;

namespace PatchDpo.Torch.Tests.PatchQuality;

/// <summary>Every generation against every reference: the encoder's work grows with the images and not with the pairs.</summary>
public sealed class ManyToManyTests
{
    private const int Generations = 40, References = 7;

    public static TheoryData<string> Orders => ["generations", "references", "shuffled"];

    [Theory]
    [MemberData(nameof(Orders))]
    public void Each_picture_is_encoded_once_whatever_the_order_of_pairs(string order)
    {
        (ImageBuffer[] generated, ImageBuffer[] references) = Pairs(order);
        using PixelEncoder encoder = new(32, 8);
        IReadOnlyList<PatchQualityResult> results = new PatchQualityEstimator(encoder, 4).Score(generated, references);
        Assert.Equal(Generations + References, encoder.Encoded);
        for (int i = 0; i < results.Count; i += 13)
        {
            PatchQualityResult alone = new PatchQualityEstimator(encoder).Score([generated[i]], [references[i]])[0];
            Assert.Equal(alone.Generated.Values, results[i].Generated.Values);
            Assert.Equal(alone.Reference.Values, results[i].Reference.Values);
            Assert.Equal(alone.Score, results[i].Score);
        }
    }

    [Theory]
    [MemberData(nameof(Orders))]
    public void Calls_share_their_pictures(string order)
    {
        (ImageBuffer[] generated, ImageBuffer[] references) = Pairs(order);
        using PixelEncoder encoder = new(32, 8);
        PatchQualityEstimator estimator = new(encoder, 4);
        for (int i = 0; i < generated.Length; i += 5)
            estimator.Score(generated[i..Math.Min(i + 5, generated.Length)], references[i..Math.Min(i + 5, generated.Length)]);
        Assert.Equal(Generations + References, encoder.Encoded);
    }

    [Fact]
    public void The_encoders_batches_are_filled_across_pairs()
    {
        (ImageBuffer[] generated, ImageBuffer[] references) = Pairs("generations");
        BatchCountingEncoder encoder = new(new PixelEncoder(32, 8));
        new PatchQualityEstimator(encoder, 8).Score(generated, references);
        // Seven pairs have one new picture: batches that end with the pairs would hold one or two.
        Assert.Equal(Generations + References, encoder.Batches.Sum());
        Assert.InRange(encoder.Batches.Count, 6, 8);
    }

    [Fact]
    public void A_limit_of_memory_costs_encodings_and_changes_nothing()
    {
        (ImageBuffer[] generated, ImageBuffer[] references) = Pairs("references");
        using PixelEncoder encoder = new(32, 8), limited = new(32, 8);
        float[] expected = [.. new PatchQualityEstimator(encoder, 4).Score(generated, references).Select(r => r.Score)];
        // 16 patches of 192 numbers are a picture's; so many as five of them.
        const long Picture = 16 * 192 * sizeof(float);
        using FeatureCache cache = new(new FeatureCacheOptions { MaxBytes = 5 * Picture });
        Assert.Equal(expected, new PatchQualityEstimator(limited, 4, cache).Score(generated, references).Select(r => r.Score));
        Assert.True(limited.Encoded > 2 * (Generations + References));
        Assert.Equal(5 * Picture, cache.Bytes);
    }

    [Fact]
    public void A_cache_of_nothing_still_encodes_a_picture_once_among_pairs_that_are_scored_together()
    {
        using PixelEncoder encoder = new(32, 8);
        using FeatureCache cache = new(new FeatureCacheOptions { MaxBytes = 0 });
        new PatchQualityEstimator(encoder, 4, cache).Score([Picture(1), Picture(2), Picture(3)], [Picture(9), Picture(9), Picture(9)]);
        Assert.Equal((4, 0L), (encoder.Encoded, cache.Bytes));
    }

    [Theory]
    [MemberData(nameof(Orders))]
    public void The_evaluator_encodes_each_picture_once_for_every_metric(string order)
    {
        (ImageBuffer[] generated, ImageBuffer[] references) = Pairs(order);
        using PixelEncoder dino = new(16, 8), patches = new(32, 8), subject = new(8, 4);
        EvaluationRow[] rows = [.. generated.Zip(references, (g, r) => new EvaluationRow("a", "", g, [r]))];
        new PersonalizationEvaluator(dino, null, new PatchQualityEstimator(patches), options: new() { BatchSize = 4 }, subject: subject).Evaluate(rows);
        Assert.Equal((47, 47, 47), (dino.Encoded, patches.Encoded, subject.Encoded));
    }

    [Fact]
    public void The_evaluators_embeddings_have_a_limit_too()
    {
        (ImageBuffer[] generated, ImageBuffer[] references) = Pairs("references");
        using PixelEncoder dino = new(16, 8), limited = new(16, 8);
        EvaluationRow[] rows = [.. generated.Zip(references, (g, r) => new EvaluationRow("a", "", g, [r]))];
        double Mean(PixelEncoder encoder, long bytes) => new PersonalizationEvaluator(encoder, null, null, options: new() { BatchSize = 4, MaxCacheBytes = bytes })
            .Evaluate(rows).Dino!.Mean;
        Assert.Equal(Mean(dino, 1 << 20), Mean(limited, 0), 1e-6);
        Assert.True(limited.Encoded > 2 * dino.Encoded);
    }

    [Fact]
    public void A_picture_that_cannot_be_prepared_says_why_itself()
    {
        using PixelEncoder encoder = new(0, 8, image => image.Width == 9 ? throw new InvalidOperationException("nine") : Ones());
        InvalidOperationException e = Assert.Throws<InvalidOperationException>(() => new PatchQualityEstimator(encoder).Score(
            [Picture(1), TestImages.Blocks(2, 9, 9, 3)], [Picture(3), Picture(4)]));
        Assert.Equal("nine", e.Message);

        static TorchSharp.torch.Tensor Ones() => TorchSharp.torch.ones(3, 16, 16);
    }

    private static ImageBuffer Picture(int seed) => TestImages.Blocks(seed, 32, 32, 4);

    private static (ImageBuffer[] Generated, ImageBuffer[] References) Pairs(string order)
    {
        (int Generation, int Reference)[] pairs = [.. Enumerable.Range(0, Generations * References).Select(i => (i / References, i % References))];
        if (order == "references")
            pairs = [.. pairs.OrderBy(p => p.Reference)];
        else if (order == "shuffled")
            new Random(5).Shuffle(pairs);
        // New buffers of the same pictures, as data views give them.
        return ([.. pairs.Select(p => Picture(p.Generation))], [.. pairs.Select(p => Picture(1000 + p.Reference))]);
    }
}
