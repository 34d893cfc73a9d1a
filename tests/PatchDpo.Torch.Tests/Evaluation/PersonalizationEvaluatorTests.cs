using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Tests.PatchEncoders;

namespace PatchDpo.Torch.Tests.Evaluation;

public sealed class PersonalizationEvaluatorTests
{
    private static readonly ImageBuffer Red = Plain(255, 0, 0), Green = Plain(0, 255, 0), Blue = Plain(0, 0, 255), Yellow = Plain(255, 255, 0);

    [Fact]
    public void Scores_are_means_over_pairs_then_over_subjects()
    {
        // Subject a: red against red, green against red and yellow; subject b: blue against blue. cos(green, yellow) = 1/sqrt 2.
        EvaluationRow[] rows =
        [
            new("a", "a red thing", Red, [Red]),
            new("b", "a blue thing", Blue, [Blue]),
            new("a", "a blue thing", Green, [Red, Yellow]),
        ];
        PersonalizationMetrics metrics = new PersonalizationEvaluator(null, new ColourClip(), null).Evaluate(rows);
        double half = Math.Sqrt(0.5), a = (1 + 0 + half) / 3;
        Assert.Equal((3, 4), (metrics.Images, metrics.Pairs));
        Assert.Equal(["a", "b"], metrics.Subjects.Select(s => s.Subject));
        Assert.Equal(a, metrics.Subjects[0].ClipI!.Value, 1e-6);
        Assert.Equal((a + 1) / 2, metrics.ClipI!.Mean, 1e-6);
        Assert.Equal((0.5 + 1) / 2, metrics.ClipT!.Mean, 1e-6);
        Assert.Null(metrics.Dino);
        Assert.Null(metrics.PatchQuality);
        Assert.Equal(DreamBenchSetting.Original, metrics.Setting);
    }

    [Fact]
    public void Each_image_has_its_scores_and_a_single_subjects_interval_is_over_its_images()
    {
        EvaluationRow[] rows = [new("a", "a red thing", Red, [Red, Green]), new("a", "a blue thing", Blue, [Red]), new("a", "a red thing", Red, [Red])];
        using PixelEncoder pixels = new(4, 2);
        PersonalizationMetrics metrics = new PersonalizationEvaluator(null, new ColourClip(), null, subject: pixels).Evaluate(rows);
        Assert.Equal([0, 1, 2], metrics.ImageMetrics.Select(i => i.Row));
        Assert.Equal([2, 1, 1], metrics.ImageMetrics.Select(i => i.References));
        Assert.Equal("a blue thing", metrics.ImageMetrics[1].Prompt);
        double[] expected = [0.5, 0, 1];
        Assert.All(metrics.ImageMetrics.Zip(expected), pair => Assert.Equal(pair.Second, pair.First.ClipI!.Value, 1e-6));
        Assert.All(metrics.ImageMetrics, i => Assert.NotNull(i.SubjectSimilarity));
        // The mean is over pairs, as DreamBench has it, the interval over images.
        Assert.Equal(0.5, metrics.ClipI!.Mean, 1e-6);
        MetricEstimate overImages = MetricEstimate.FromSubjects(expected);
        Assert.Equal(overImages.Lower, metrics.ClipI.Lower, 1e-6);
        Assert.Equal(overImages.Upper, metrics.ClipI.Upper, 1e-6);
        Assert.Equal("images", metrics.IntervalsOver);
        Assert.Contains("intervals over images", metrics.ToString(), StringComparison.Ordinal);
        PersonalizationMetrics two = new PersonalizationEvaluator(null, new ColourClip(), null).Evaluate([.. rows, new("b", "red", Red, [Red])]);
        Assert.Equal("subjects", two.IntervalsOver);
        Assert.Null(two.SubjectSimilarity);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(64)]
    public void Batching_changes_nothing_and_equal_references_are_embedded_once(int batch)
    {
        EvaluationRow[] rows = [.. Enumerable.Range(0, 10).Select(i => new EvaluationRow($"s{i % 3}", "red", TestImages.Blocks(i, 24, 24, 4),
            // New buffers with the same content, as a data view gives them.
            [TestImages.Blocks(100 + (i % 3), 24, 24, 4), TestImages.Blocks(200 + (i % 3), 20, 24, 4)]))];
        ColourClip clip = new();
        using PixelEncoder dino = new(16, 8), patches = new(32, 8);
        PersonalizationMetrics metrics = new PersonalizationEvaluator(dino, clip, new PatchQualityEstimator(patches), options: new() { BatchSize = batch })
            .Evaluate(rows);
        Assert.Equal(16, clip.EncodedImages);
        Assert.Equal(16, dino.Encoded);
        PersonalizationMetrics whole = new PersonalizationEvaluator(dino, clip, new PatchQualityEstimator(patches), options: new() { BatchSize = 10 })
            .Evaluate(rows);
        Assert.Equal(whole.Dino!.Mean, metrics.Dino!.Mean, 1e-6);
        Assert.Equal(whole.ClipI!.Lower, metrics.ClipI!.Lower, 1e-6);
        Assert.Equal(whole.PatchQuality!.Mean, metrics.PatchQuality!.Mean, 1e-6);
        Assert.All(metrics.Subjects, s => Assert.Equal(2 * s.Images, s.Pairs));
    }

    [Fact]
    public void Patch_quality_with_the_foreground_alone_ignores_the_background()
    {
        ImageBuffer reference = TestImages.Create(32, 32, (x, y) => x is >= 8 and < 16 && y is >= 8 and < 24 ? (200, (x * 8) % 256, y * 4) : (255, 255, 255));
        ImageBuffer scene = TestImages.Create(32, 32, (x, y) => x is >= 16 and < 24 && y is >= 8 and < 24 ? (200, ((x - 8) * 8) % 256, y * 4)
            : (x * 5, 255 - (y * 6), 77));
        using PixelEncoder patches = new(32, 8);
        double Score(bool mask) => new PersonalizationEvaluator(null, null, new PatchQualityEstimator(patches), options: new() { MaskPlainBackground = mask })
            .Evaluate([new("a", "", scene, [reference])]).PatchQuality!.Mean;
        Assert.Equal(1, Score(true), 1e-5);
        Assert.True(Score(false) < 0.95);
    }

    [Fact]
    public void The_result_carries_setting_models_and_seed_and_prints_them_readably()
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, "abc");
            EvaluationModel model = EvaluationModel.FromFile("CLIP", "colours", file);
            Assert.Equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", model.Sha256);
            PersonalizationMetrics metrics = new PersonalizationEvaluator(
                null, new ColourClip(), null, [model], new() { Setting = DreamBenchSetting.KosmosG, GenerationSeed = 42 })
                .Evaluate([new("a", "red", Red, [Red]), new("b", "red", Red, [Yellow])]);
            Assert.Equal((42, DreamBenchSetting.KosmosG, model), (metrics.GenerationSeed!.Value, metrics.Setting, metrics.Models.Single()));
            Assert.Contains("KosmosG setting, 2 subjects, 2 images, 2 pairs", metrics.ToString(), StringComparison.Ordinal);
            Assert.Equal("0.854", $"{metrics.ClipI:F3}");
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void Faulty_rows_are_refused_by_name()
    {
        PersonalizationEvaluator original = new(null, new ColourClip(), null), chosen = new(
            null, new ColourClip(), null, options: new() { Setting = DreamBenchSetting.KosmosG });
        Assert.Throws<EmptyDataException>(() => original.Evaluate([]));
        Assert.Throws<ArgumentException>(() => new PersonalizationEvaluator(null, null, null));
        AssertRefused("Row 1 (subject 'b') has no reference", original, new("a", "red", Red, [Red]), new("b", "red", Red, []));
        AssertRefused("Row 0 has no subject", original, new EvaluationRow("", "red", Red, [Red]));
        AssertRefused("2 references", chosen, new EvaluationRow("a", "red", Red, [Red, Blue]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PersonalizationEvaluatorOptions { BatchSize = 0 });
    }

    [Fact]
    public void Cancelling_stops_it_and_nothing_leaks()
    {
        using PixelEncoder patches = new(32, 8);
        PersonalizationEvaluator evaluator = new(patches, new ColourClip(), new PatchQualityEstimator(patches));
        EvaluationRow[] rows = [new("a", "red", Red, [Red, Blue]), new("b", "red", Green, [Red])];
        LeakCheck.Run(() => evaluator.Evaluate(rows));
        using CancellationTokenSource source = new();
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() => evaluator.Evaluate(rows, source.Token));
    }

    private static void AssertRefused(string part, PersonalizationEvaluator evaluator, params EvaluationRow[] rows)
        => Assert.Contains(part, Assert.Throws<ArgumentException>(() => evaluator.Evaluate(rows)).Message, StringComparison.Ordinal);

    private static ImageBuffer Plain(int r, int g, int b) => TestImages.Create(16, 16, (_, _) => (r, g, b));
}
