using PatchDpo.Tests;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.DataConstruction;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Tests.Clip;
using PatchDpo.Torch.Tests.PatchEncoders;
using PatchDpo.Torch.Tests.Personalization;
using PatchDpo.Torch.Training;

namespace PatchDpo.Torch.Tests.Encoders;

/// <summary>A prompt that is longer than the text encoder takes is cut, and told: the tiny model takes 14 tokens, a byte each.</summary>
public sealed class TruncatedPromptTests(TinyModelFixture fixture) : IClassFixture<TinyModelFixture>
{
    private const string Short = "a cat", Long = "a cat and 2 dogs";

    [Fact]
    public void It_is_found_with_its_place_its_tokens_and_what_is_left_out()
    {
        TruncatedPrompt cut = Assert.Single(fixture.Model.FindTruncatedPrompts([Short, Long + " in the snow"]));
        Assert.Equal((1, 14), (cut.Index, cut.Limit));
        Assert.Equal(21, cut.Tokens);
        Assert.Equal("thesnow", cut.Dropped.Replace(" ", "", StringComparison.Ordinal)[^7..]);
    }

    [Fact]
    public void Generation_tells_it_at_every_step()
    {
        var told = new List<GenerationProgress>();
        fixture.Model.Generate(
            [Request(Short), Request(Long + " in the snow")], new GenerationOptions { Steps = 2,
                NegativePrompt = "blurred, ugly, low quality" }, new DirectProgress<GenerationProgress>(told.Add));
        Assert.All(told, p => Assert.Equal([1, null], p.TruncatedPrompts.Select(t => t.Index)));
        told.Clear();
        fixture.Model.Generate([Request(Short)], new GenerationOptions { Steps = 1, NegativePrompt = "blurred" }, new DirectProgress<GenerationProgress>(told.Add));
        Assert.Empty(Assert.Single(told).TruncatedPrompts);
    }

    [Fact]
    public void Generation_refuses_it_where_that_is_asked_for()
    {
        var options = new GenerationOptions { Steps = 1, NegativePrompt = "", RefuseTruncatedPrompts = true };
        TruncatedPromptException e = Assert.Throws<TruncatedPromptException>(
            () => fixture.Model.Generate([Request(Short), Request(Long + " in the snow")], options));
        Assert.Equal(1, e.Prompt.Index);
        Assert.StartsWith("Prompt 1 is too long: it has 21 tokens and the text encoder takes 14; left out: '", e.Message, StringComparison.Ordinal);
        Assert.Null(Assert.Throws<TruncatedPromptException>(() => fixture.Model.Generate(
            [Request(Short)], options with { NegativePrompt = Long + " in the snow" })).Prompt.Index);
        // Without guidance the negative prompt is not read.
        fixture.Model.Generate([Request(Short)], options with { NegativePrompt = Long + " in the snow", GuidanceScale = 1 });
    }

    [Fact]
    public void The_negative_prompt_may_be_as_long_as_the_limit_of_characters_says()
    {
        string text = string.Join(' ', Enumerable.Repeat("ugly", 600));
        Assert.Equal(2_999, text.Length);
        fixture.Model.Generate([Request(Short)], new GenerationOptions { Steps = 1, NegativePrompt = text, MaxPromptCharacters = 3_000 });
        PromptTooLongException e = Assert.Throws<PromptTooLongException>(
            () => fixture.Model.Generate([Request(Short)], new GenerationOptions { Steps = 1, NegativePrompt = text, MaxPromptCharacters = 2_998 }));
        Assert.Equal((null, 2_999, 2_998), (e.PromptIndex, e.Length, e.Limit));
    }

    [Fact]
    public void Training_tells_it_by_pair_or_refuses_it()
    {
        QualityMap map = new(1, 1, [0.5f]);
        TrainingPair[] pairs = [.. new[] { Short, Long + " in the snow", Short }.Select(
            p => new TrainingPair(p, TinyModelFixture.Image(1), TinyModelFixture.Image(2), map, map))];
        var told = new List<TrainingProgress>();
        new PatchDpoTrainer(fixture.Model, new() { MaxSteps = 2, Progress = new DirectProgress<TrainingProgress>(told.Add) }).Train(pairs).Dispose();
        Assert.All(told, p => Assert.Equal(1, Assert.Single(p.TruncatedPrompts).Index));
        Assert.Equal(1, Assert.Throws<TruncatedPromptException>(() => new PatchDpoTrainer(fixture.Model, new() { MaxSteps = 2, RefuseTruncatedPrompts = true })
            .Train(pairs)).Prompt.Index);
    }

    [Fact]
    public void Evaluation_tells_it_by_row_or_refuses_it()
    {
        using ClipModel clip = ClipModelOf(maxLength: 6);
        ImageBuffer image = TinyModelFixture.Image(1);
        EvaluationRow[] rows = [.. new[] { "a a", "a a a a a", "a", "a a a a a a" }.Select(p => new EvaluationRow("cat", p, image, [image]))];
        PersonalizationMetrics metrics = new PersonalizationEvaluator(null, clip, null, options: new() { BatchSize = 2 }).Evaluate(rows);
        Assert.Equal([new TruncatedPrompt(1, 5, 4, "a"), new TruncatedPrompt(3, 6, 4, "a a")], metrics.TruncatedPrompts);
        Assert.Contains("2 prompts were cut to the 4 tokens", metrics.ToString(), StringComparison.Ordinal);
        using TemporaryFolder folder = new();
        new EvaluationReport(metrics).WriteJson(folder.File("scores.json"));
        Assert.Contains("truncatedPrompts", File.ReadAllText(folder.File("scores.json")), StringComparison.Ordinal);
        TruncatedPromptException e = Assert.Throws<TruncatedPromptException>(
            () => new PersonalizationEvaluator(null, clip, null, options: new() { BatchSize = 2, RefuseTruncatedPrompts = true }).Evaluate(rows));
        Assert.Equal(1, e.Prompt.Index);
    }

    [Fact]
    public void Building_pairs_tells_it_in_the_summary_or_refuses_it()
    {
        using TemporaryFolder folder = new();
        var small = new GenerationOptions { Steps = 1, BatchSize = 2, GuidanceScale = 1 };
        var options = new PairBuilderOptions { References = 1, ReferenceGeneration = small, Generation = small,
            Filter = new() { MinPlainBorder = 0, MinForeground = 0, MaxForeground = 1, MaxSimilarity = null } };
        string[] prompts = [Short, Long + " in the snow"];
        PairBuildSummary summary = new PairBuilder(fixture.Model, new PixelEncoder(32, 8), options).Build(prompts, folder.File("told"));
        Assert.Equal(1, Assert.Single(summary.TruncatedPrompts).Index);
        var strict = new PairBuilderOptions { References = 1, ReferenceGeneration = small with { RefuseTruncatedPrompts = true }, Generation = small,
            Filter = options.Filter };
        Assert.Throws<TruncatedPromptException>(() => new PairBuilder(fixture.Model, new PixelEncoder(32, 8), strict).Build(prompts, folder.File("refused")));
        Assert.False(Directory.Exists(folder.File("refused")));
        // What is an error decides nothing that is made: a strict build continues another one.
        Assert.Equal(1, new PairBuilder(fixture.Model, new PixelEncoder(32, 8), strict).Build([Short, "a dog"], Copy()).References);

        string Copy()
        {
            string path = folder.File("short");
            new PairBuilder(fixture.Model, new PixelEncoder(32, 8), options).Build([Short, "a dog"], path);
            return path;
        }
    }

    private static ClipModel ClipModelOf(int maxLength) => new(
        new() { VocabularySize = 10, MaxPositions = maxLength, HiddenSize = 8, NumLayers = 2, NumHeads = 2, ProjectionDim = 4 },
        new() { ImageSize = 8, PatchSize = 4, HiddenSize = 8, NumLayers = 2, NumHeads = 2, ProjectionDim = 4 }, ClipFixture.TinyTokenizer(maxLength));

    private static GenerationRequest Request(string prompt) => new(prompt, [TinyPersonalizedModel.Image(1)]);
}
