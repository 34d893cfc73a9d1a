using PatchDpo.Tests;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.DataConstruction;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Tests.PatchEncoders;
using PatchDpo.Torch.Tests.Personalization;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Training.Probes;

namespace PatchDpo.Torch.Tests.Clip;

/// <summary>A prompt that says nothing is told by its place, wherever prompts are taken.</summary>
public sealed class EmptyPromptTests(TinyModelFixture fixture) : IClassFixture<TinyModelFixture>
{
    private static readonly ImageBuffer Image = TinyModelFixture.Image(1);

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(" \n")]
    public void It_is_refused_with_its_place(string? prompt)
    {
        var small = new GenerationOptions { Steps = 1, GuidanceScale = 1 };
        Refuses(prompt, () => fixture.Model.Generate([Request("a cat"), Request(prompt!)], small));
        QualityMap map = new(1, 1, [0.5f]);
        Refuses(prompt, () => new PatchDpoTrainer(fixture.Model, new() { MaxSteps = 1 }).Train(
            [.. new[] { "a cat", prompt! }.Select(p => new TrainingPair(p, Image, TinyModelFixture.Image(2), map, map))]));
        using TemporaryFolder folder = new();
        Refuses(prompt, () => new PairBuilder(fixture.Model, new PixelEncoder(32, 8)).Build(["a cat", prompt!], folder.File("pairs")));
        Assert.False(Directory.Exists(folder.File("pairs")));
        using ClipModel clip = new(
            new() { VocabularySize = 10, MaxPositions = 6, HiddenSize = 8, NumLayers = 2, NumHeads = 2, ProjectionDim = 4 },
            new() { ImageSize = 8, PatchSize = 4, HiddenSize = 8, NumLayers = 2, NumHeads = 2, ProjectionDim = 4 }, ClipFixture.TinyTokenizer(6));
        EvaluationRow[] rows = [new("cat", "a", Image, [Image]), new("cat", prompt!, Image, [Image])];
        Refuses(prompt, () => new PersonalizationEvaluator(null, clip, null).Evaluate(rows));
        Assert.Contains("Row 0 of the probe lacks", Assert.Throws<ArgumentException>(() => new TrainingProbeOptions
        {
            Rows = [new TrainingProbeRow("cat", prompt!, [Image])],
            Evaluator = new PersonalizationEvaluator(null, clip, null),
        }).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_it_is_allowed_the_references_decide_and_null_stays_an_error()
    {
        var allowing = new GenerationOptions { Steps = 1, GuidanceScale = 1, AllowEmptyPrompts = true };
        Assert.Single(fixture.Model.Generate([Request("")], allowing));
        Refuses(null, () => fixture.Model.Generate([Request("a cat"), Request(null!)], allowing));
        Refuses(null, () => fixture.Model.EncodeText(["", null!]));
        Assert.Contains("Request 1 is null", Assert.Throws<ArgumentException>(() => fixture.Model.Generate([Request("a cat"), null!])).Message,
            StringComparison.Ordinal);
    }

    private static void Refuses(string? prompt, Action action)
    {
        EmptyPromptException e = Assert.Throws<EmptyPromptException>(action);
        Assert.Equal((1, $"Prompt 1 is {(prompt is null ? "null" : "empty")}; it has to say what to show."), (e.PromptIndex, e.Message));
    }

    private static GenerationRequest Request(string prompt) => new(prompt, [Image]);
}
