using PatchDpo.Tests;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training;

namespace PatchDpo.Tool.Tests;

/// <summary>The command train with MIP-Adapter and MS-Diffusion, whose objects are named in a folder's <c>references.jsonl</c>.</summary>
public sealed class TrainSeveralObjectsTests : IDisposable
{
    private const string Prompt = "a cat, a dog";

    private static readonly QualityMap Map = new(2, 2, [0.1f, 0.9f, 0.5f, 0.7f]);

    private readonly string _root = Directory.CreateTempSubdirectory("patchdpo-train-objects-").FullName;
    private readonly string _model, _pairs, _output;

    public TrainSeveralObjectsTests()
    {
        _model = TinyPersonalizedModel.Write(Path.Combine(_root, "model"));
        (_pairs, _output) = (Path.Combine(_root, "pairs"), Path.Combine(_root, "tuned.safetensors"));
        string sample = Directory.CreateDirectory(Path.Combine(_pairs, "sample0")).FullName;
        string objects = Directory.CreateDirectory(Path.Combine(_pairs, "objects")).FullName;
        foreach ((string file, int number) in new[] { ("entity_0", 1), ("gen_0", 2), ("gen_1", 3) })
            ImageFile.SavePng(Path.Combine(sample, $"{Prompt}_{file}.png"), Image(number));
        foreach ((string file, int number) in new[] { ("cat", 4), ("dog", 5), ("dog2", 6) })
            ImageFile.SavePng(Path.Combine(objects, file + ".png"), Image(number));
        QualityMapPickle.Write(Path.Combine(_pairs, "patch_quality.pkl"), [[new(Map, Map), new(Map, Map)]]);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void MIP_Adapter_is_trained_with_the_names_and_photos_of_the_folder()
    {
        Write("""{"sample": 0, "image": "objects/cat.png"}""", """{"sample": 0, "image": "objects/dog.png", "name": "dog"}""");
        AssertRefused("reference 0 has no name", "--family", "mip-adapter");
        Write("""{"sample": 0, "image": "objects/cat.png", "name": "cat"}""",
            """{"sample": 0, "image": "objects/dog.png", "photos": ["objects/dog2.png"], "name": "dog"}""");
        Assert.Equal(
            Expected(new PersonalizedModelOptions { AdapterFamily = "mip-adapter" }, new ReferenceImage(Image(4)) { Name = "cat" },
                new ReferenceImage(Image(5)) { Name = "dog", OtherPhotos = [Image(6)] }),
            Trained("--family", "mip-adapter"));
    }

    [Fact]
    public void MS_Diffusion_is_trained_with_the_boxes_and_scales_of_the_folder()
    {
        string adapter = TinyMsDiffusion.WriteAdapter(_model);
        Write("""{"sample": 0, "image": "objects/cat.png", "name": "cat", "box": [0, 0.25, 0.5, 1], "scale": 0.5}""",
            """{"sample": 0, "image": "objects/dog.png", "name": "dog"}""");
        AssertRefused("box", "--adapter", adapter);
        Write("""{"sample": 0, "image": "objects/cat.png", "name": "cat", "box": [0, 0.25, 0.5, 1], "scale": 0.5}""",
            """{"sample": 0, "image": "objects/dog.png", "name": "dog", "box": [0.5, 0, 1, 1]}""");
        Assert.Equal(
            Expected(new PersonalizedModelOptions { AdapterPath = adapter },
                new ReferenceImage(Image(4)) { Name = "cat", Box = new LayoutBox(0, 0.25, 0.5, 1), Scale = 0.5 },
                new ReferenceImage(Image(5)) { Name = "dog", Box = new LayoutBox(0.5, 0, 1, 1) }),
            Trained("--adapter", adapter));
    }

    [Fact]
    public void A_bad_line_ends_it_with_one_line_before_the_model_is_read()
    {
        Write("""{"sample": 0, "image": "objects/cow.png", "name": "cat"}""");
        (int exitCode, _, string[] errors) = Tool.Run("train", "--model", _model, "--pairs", _pairs, "--output", _output);
        Assert.Equal(2, exitCode);
        Assert.Contains("references.jsonl', line 1: the file 'objects/cow.png' is missing", Assert.Single(errors), StringComparison.Ordinal);
    }

    private static ImageBuffer Image(int number) => TinyPersonalizedModel.Image(number);

    private void Write(params string[] lines) => File.WriteAllLines(Path.Combine(_pairs, "references.jsonl"), lines);

    private byte[] Expected(PersonalizedModelOptions loading, params ReferenceImage[] references)
    {
        using PersonalizedModel model = PersonalizedModel.Load(_model, loading);
        TrainingPair[] pairs = [.. new[] { 2, 3 }.Select(n => new TrainingPair(Prompt, Image(1), Image(n), Map, Map) { ImagePrompts = references })];
        using PersonalizedModel tuned = model.WithAdapterLayers(
            new PatchDpoTrainer(model, new() { MaxSteps = 2, BatchSize = 2, LearningRate = 1e-2 }).Train(pairs));
        string path = Path.Combine(_root, "expected.safetensors");
        tuned.SaveAdapter(path);
        return File.ReadAllBytes(path);
    }

    private byte[] Trained(params string[] more)
    {
        (int exitCode, _, string[] errors) = Run(more);
        Assert.True(exitCode == 0, string.Join('\n', errors));
        return File.ReadAllBytes(_output);
    }

    private void AssertRefused(string message, params string[] more)
    {
        (int exitCode, _, string[] errors) = Run(more);
        Assert.Equal(2, exitCode);
        Assert.Contains(errors, e => e.Contains(message, StringComparison.Ordinal));
        Assert.False(File.Exists(_output));
    }

    private (int ExitCode, string[] Output, string[] Errors) Run(params string[] more)
        => Tool.Run("train", ["--model", _model, "--pairs", _pairs, "--output", _output, "--steps", "2", "--batch-size", "2", "--learning-rate", "1e-2",
            .. more]);
}
