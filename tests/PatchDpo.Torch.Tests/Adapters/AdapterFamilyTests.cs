using PatchDpo.Tests;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Tests.Personalization;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Training.Data;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Adapters;

/// <summary>Another family of adapters goes through loading, generation, training and saving as IP-Adapter does.</summary>
public sealed class AdapterFamilyTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("patchdpo-family-");
    private readonly PersonalizedModel _model;

    public AdapterFamilyTests()
    {
        string folder = TinyPersonalizedModel.Write(_folder.FullName);
        _model = PersonalizedModel.Load(folder, OtherFamily.WriteFile(folder, width: 24));
    }

    public void Dispose()
    {
        _model.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public void References_reach_the_picture_through_the_text_and_through_the_layers()
    {
        byte[] first = Draw(TinyModelFixture.Image(1), 1), other = Draw(TinyModelFixture.Image(7), 1);
        Assert.NotEqual(first, other);
        // Without weight in the layers, the text still knows the reference.
        Assert.NotEqual(Draw(TinyModelFixture.Image(1), 0), Draw(TinyModelFixture.Image(7), 0));
        Assert.NotEqual(first, Draw(TinyModelFixture.Image(1), 0));
        Assert.Equal(first, Draw(TinyModelFixture.Image(1), 1));
    }

    [Fact]
    public void A_branch_lives_through_a_generation_and_knows_its_unconditional_half_and_the_prompts()
    {
        List<(BranchSettings Settings, List<long> Passes, float[] Lengths)> branches = ((OtherFamily.Layers)_model.AdapterLayers).Branches;
        branches.Clear();
        Draw(TinyModelFixture.Image(1), 1);
        (BranchSettings settings, List<long> passes, float[] lengths) = Assert.Single(branches);
        Assert.Equal(new BranchSettings(1, ScalarType.Float32, UnconditionalRows: 1), settings);
        Assert.Equal([2L, 2, 0], passes);
        Assert.Equal([5f, 5], lengths);

        branches.Clear();
        _model.Generate([new("a cat", [TinyModelFixture.Image(1)])], new GenerationOptions { Steps = 1, GuidanceScale = 1 });
        Assert.Equal(0, Assert.Single(branches).Settings.UnconditionalRows);
    }

    [Fact]
    public void The_family_judges_references_before_anything_is_computed()
    {
        ReferenceImage bad = new(TinyModelFixture.Image(1)) { Name = "nothing" }, absent = bad with { Name = "dog" };
        UnsuitableReferencesException e = Assert.Throws<UnsuitableReferencesException>(
            () => _model.Generate([new("a", [absent]), new("b", [absent, bad])], new GenerationOptions { Steps = 1 }));
        Assert.Equal(("request 1", 1), (e.Item, e.Index));
        Assert.EndsWith("nothing has no picture.", e.Message, StringComparison.Ordinal);
        TrainingPair[] pairs = Pairs();
        pairs[2] = pairs[2] with { ImagePrompts = [bad] };
        Assert.Equal("pair 2", Assert.Throws<UnsuitableReferencesException>(() => new PatchDpoTrainer(_model).Train(pairs)).Item);

        List<string> warnings = [];
        _model.Generate([new("a dog", [absent]), new("a cat", [absent])], new GenerationOptions { Steps = 1 },
            new PatchDpo.Torch.Foundation.DirectProgress<GenerationProgress>(p => warnings.AddRange(p.Warnings)));
        Assert.Equal(["Request 1: there is no 'dog'."], warnings);
    }

    [Fact]
    public void Training_tells_references_apart_by_what_they_carry()
    {
        using DisposeScope scope = NewDisposeScope();
        TrainingPair[] pairs = [.. Pairs().Select((p, i) => p with { ImagePrompts = [new(TinyModelFixture.Image(1)) { Name = $"thing {i % 2}" }] })];
        using PreparedPairs prepared = new PatchDpoTrainer(_model).Prepare(pairs);
        Assert.Equal(2, prepared.ReferenceCount);
    }

    [Fact]
    public void The_trainer_trains_what_the_family_names_and_the_file_has_it()
    {
        using PersonalizedModel tuned = _model.WithAdapterLayers(
            new PatchDpoTrainer(_model, new() { MaxSteps = 3, LearningRate = 1e-2, TextDropout = 0.3, ImageDropout = 0.3 }).Train(Pairs()));
        Dictionary<string, Parameter> weights = tuned.AdapterLayers.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        Assert.Contains(weights["trained"].data<float>(), v => v != 1);
        Assert.All(weights["frozen"].data<float>(), v => Assert.Equal(1, v));

        string path = Path.Combine(_folder.FullName, "tuned.safetensors");
        tuned.SaveAdapter(path);
        using PersonalizedModel loaded = PersonalizedModel.Load(_folder.FullName, path);
        Assert.Equal(weights["trained"].data<float>().ToArray(), loaded.AdapterLayers.named_parameters().First(p => p.name == "trained").parameter.data<float>()
            .ToArray());
    }

    [Fact]
    public void Training_keeps_a_text_for_every_reference_that_changes_it()
    {
        using DisposeScope scope = NewDisposeScope();
        TrainingPair[] pairs = Pairs();
        using PreparedPairs prepared = new PatchDpoTrainer(_model).Prepare(pairs);
        foreach (bool dropText in new[] { false, true })
            foreach (bool dropImage in new[] { false, true })
            {
                Tensor text = prepared.Batch([1], [dropText], [dropImage], zeros(1, 4, 8, 8), tensor(new long[] { 5 }), officialTimeIds: false,
                    (_, height, width) => ones(1, 2, height, width)).Conditions.Text.HiddenStates;
                Tensor expected = _model.EncodeText(
                    [dropText ? "" : pairs[1].Prompt],
                    imagePrompt: dropImage ? _model.EncodeDroppedReference(1) : _model.EncodeReferences([pairs[1].Reference])).HiddenStates;
                Fixtures.AssertClose(text, cat([expected, expected]), 1e-5, $"{dropText} {dropImage}");
            }
    }

    [Fact]
    public void Layers_of_another_family_are_refused()
    {
        using PersonalizedModel model = PersonalizedModel.Load(_folder.FullName);
        using AdapterLayers layers = _model.AdapterLayers.Clone();
        Assert.Contains("another family", Assert.Throws<ArgumentException>("layers", () => model.WithAdapterLayers(layers)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Generation_and_training_leak_nothing()
    {
        LeakCheck.Run(() => Draw(TinyModelFixture.Image(1), 1));
        LeakCheck.Run(() => new PatchDpoTrainer(_model, new() { MaxSteps = 2 }).Train(Pairs()).Dispose());
    }

    private byte[] Draw(ImageBuffer reference, double scale)
        => _model.Generate([new("a cat", [reference])], new GenerationOptions { Steps = 2, GuidanceScale = 2, AdapterScale = scale })[0].Pixels;

    private static TrainingPair[] Pairs() => [.. Enumerable.Range(0, 3).Select(i => new TrainingPair(
        "a thing", TinyModelFixture.Image(i), TinyModelFixture.Image(10 + i), new(1, 1, [0.2f]), new(1, 1, [0.9f])))];
}
