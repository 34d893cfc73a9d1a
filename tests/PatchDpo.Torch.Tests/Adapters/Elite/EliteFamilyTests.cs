using System.Runtime.InteropServices;
using PatchDpo.Tests;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Adapters.Elite;
using PatchDpo.Torch.DataConstruction;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Diffusion.Samplers;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Training.Data;
using PatchDpo.Torch.Vision.Dino;
using PatchDpo.Torch.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Adapters.Elite;

/// <summary>ELITE through the public doors: found by its files, drawn with, trained, stored; and what it says of bad input.</summary>
public sealed class EliteFamilyTests : IDisposable
{
    private static readonly GenerationOptions Options = new() { Steps = 2, GuidanceScale = 3, Sampler = SamplerKind.Lms, NegativePrompt = "" };

    private readonly string _folder = Directory.CreateTempSubdirectory("patchdpo-elite-").FullName;
    private readonly PersonalizedModel _model;

    public EliteFamilyTests() => _model = PersonalizedModel.Load(TinyElite.Write(_folder));

    public void Dispose()
    {
        _model.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void Its_files_tell_the_family_and_references_reach_the_picture_through_word_and_patches()
    {
        Assert.IsType<EliteLayers>(_model.AdapterLayers);
        byte[] first = Draw(1), withoutPatches = Draw(1, scale: 0);
        Assert.Equal(first, Draw(1));
        Assert.NotEqual(first, Draw(2));
        Assert.NotEqual(first, withoutPatches);
        // The word is still there.
        Assert.NotEqual(withoutPatches, Draw(2, scale: 0));
    }

    [Fact]
    public void A_mask_decides_which_patches_count_and_a_plain_background_stands_for_one()
    {
        (ImageBuffer picture, ImageBuffer mask) = TinyElite.Object(1);
        byte[] half = [.. mask.Pixels];
        Array.Clear(half, 0, half.Length / 2);
        byte[] whole = Draw(new ReferenceImage(picture) { Mask = mask });
        Assert.Equal(whole, Draw(new ReferenceImage(picture)));
        Assert.NotEqual(whole, Draw(new ReferenceImage(picture) { Mask = new ImageBuffer(mask.Width, mask.Height, 3, half) }));
        ImageBuffer grey = new(mask.Width, mask.Height, 1, [.. mask.Pixels.Where((_, i) => i % 3 == 0)]);
        Assert.Equal(whole, Draw(new ReferenceImage(picture) { Mask = grey }));
    }

    [Fact]
    public void The_plain_background_rule_is_told()
    {
        (ImageBuffer picture, ImageBuffer mask) = TinyElite.Object(1);
        Assert.Contains("no mask", Assert.Single(Warnings(new ReferenceImage(picture))), StringComparison.Ordinal);
        Assert.Empty(Warnings(new ReferenceImage(picture) { Mask = mask }));

        IReadOnlyList<string> Warnings(ReferenceImage reference)
        {
            GenerationProgress? seen = null;
            _model.Generate([new("a S", [reference])], Options, new DirectProgress<GenerationProgress>(p => seen = p));
            return seen!.Warnings;
        }
    }

    [Fact]
    public void The_objects_name_is_a_placeholder_where_it_is_one_token()
    {
        (ImageBuffer picture, ImageBuffer mask) = TinyElite.Object(1);
        // The tiny vocabulary has bytes alone, so that words of one letter are tokens.
        Assert.Equal(Draw(new ReferenceImage(picture) { Mask = mask }, "a S b"), Draw(new ReferenceImage(picture) { Mask = mask, Name = "c" }, "a c b"));
        Assert.NotEqual(Draw(new ReferenceImage(picture) { Mask = mask }, "a S b"), Draw(new ReferenceImage(picture) { Mask = mask, Name = "b" }, "a S b"));
    }

    [Fact]
    public void A_picture_does_not_depend_on_what_is_drawn_beside_it()
    {
        GenerationRequest[] requests = [.. Enumerable.Range(0, 3).Select(i => new GenerationRequest("a S", [TinyElite.Object(i).Picture]) { NoiseIndex = i })];
        Assert.Equal(
            requests.Select(r => _model.Generate([r], Options)[0].Pixels), _model.Generate(requests, Options with { BatchSize = 4 }).Select(i => i.Pixels));
    }

    [Fact]
    public void Both_halves_in_one_call_are_what_two_calls_give()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        (ImageBuffer picture, ImageBuffer mask) = TinyElite.Object(3);
        ReferenceImage[] references = [new(picture) { Mask = mask }, new(TinyElite.Object(4).Picture)];
        string[] prompts = ["a S", "S in b"];
        ImagePrompt image = _model.Locate(_model.EncodeReferences(references), prompts), dropped = _model.EncodeDroppedReference(1);
        Tensor latents = randn(2, 4, 8, 8), timesteps = tensor(new[] { 700L, 700L });
        PromptConditions positive = new(_model.EncodeText(prompts, imagePrompt: image), image, zeros(2, 6));
        PromptConditions negative = new(
            _model.EncodeText(["", ""], imagePrompt: _model.EncodeDroppedReference(2)), _model.References.Unconditional(image, dropped), zeros(2, 6));
        Tensor apart = cat([Predict(negative), Predict(positive)]);
        Tensor both = _model.Predict(cat([latents, latents]), cat([timesteps, timesteps]), PromptConditions.Guided(negative, positive),
            _model.AdapterLayers, 0.8);
        Fixtures.AssertClose(both, apart, 2e-5, "both halves");
        Assert.True((both.chunk(2)[0] - both.chunk(2)[1]).abs().max().item<float>() > 1e-3);

        Tensor Predict(PromptConditions conditions) => _model.Predict(latents, timesteps, conditions, _model.AdapterLayers, 0.8);
    }

    [Fact]
    public void The_trainer_trains_the_patches_keys_and_values_or_all_and_files_have_them()
    {
        foreach (bool all in new[] { false, true })
        {
            ((EliteLayers)_model.AdapterLayers).TrainsGlobal = all;
            using PersonalizedModel tuned = _model.WithAdapterLayers(
                new PatchDpoTrainer(_model, new() { MaxSteps = 3, LearningRate = 1e-2, TextDropout = 0.3, ImageDropout = 0.3 }).Train(Pairs()));
            Dictionary<string, Tensor> before = _model.AdapterLayers.state_dict(), after = tuned.AdapterLayers.state_dict();
            Assert.All(after, t => Assert.Equal(all || t.Key.StartsWith("local.", StringComparison.Ordinal), !Same(t.Value, before[t.Key])));
            foreach (string name in new[] { "tuned.safetensors", "tuned.bin", "tuned_global_mapper.pt", "tuned_global_mapper.safetensors" })
            {
                string path = Path.Combine(_folder, name);
                tuned.SaveAdapter(path);
                using PersonalizedModel loaded = PersonalizedModel.Load(_folder, path);
                Assert.All(loaded.AdapterLayers.state_dict(), t => Assert.True(Same(t.Value, after[t.Key]), $"{name}, {t.Key}"));
                Assert.Equal(Draw(1, model: tuned), Draw(1, model: loaded));
            }
            using ITensorFile published = WeightsFile.Open(Path.Combine(_folder, "global_mapper.pt")),
                written = WeightsFile.Open(Path.Combine(_folder, "tuned_global_mapper.pt"));
            Assert.Equal(published.Keys.Order(StringComparer.Ordinal), written.Keys.Order(StringComparer.Ordinal));
        }

        static bool Same(Tensor a, Tensor b) => a.equal(b).all().item<bool>();
    }

    [Fact]
    public void Training_lowers_the_loss()
    {
        var losses = new List<float>();
        new PatchDpoTrainer(_model, new()
        {
            MaxSteps = 200, LearningRate = 1e-2, BatchSize = 3, TextDropout = 0, ImageDropout = 0, BothDropout = 0,
            Progress = new DirectProgress<TrainingProgress>(p => losses.Add(p.Loss)),
        }).Train(Pairs()).Dispose();
        Assert.True(losses.TakeLast(50).Average() < losses.Take(50).Average(), $"{losses.Take(50).Average()} -> {losses.TakeLast(50).Average()}");
    }

    [Fact]
    public void A_training_that_is_stopped_goes_on_to_the_same_bits_with_what_a_store_keeps()
    {
        using TemporaryFolder folder = new();
        PatchDpoTrainerOptions options = new() { MaxSteps = 4, LearningRate = 1e-2, BatchSize = 2, TextDropout = 0.3, ImageDropout = 0.3 };
        byte[] expected = Bytes(options);
        PatchDpoTrainerOptions kept = options with { Store = new() { Folder = folder.File("store") },
            State = new() { Folder = folder.File("state") } };
        using CancellationTokenSource stop = new();
        Assert.Throws<OperationCanceledException>(() => new PatchDpoTrainer(_model, kept with { Progress = new DirectProgress<TrainingProgress>(p =>
        {
            if (p.Step == 2)
                stop.Cancel();
        }) }).Train(Pairs(), stop.Token));
        Assert.Equal(expected, Bytes(kept));
        // The backward pass asks the branch once more.
        Assert.True(Difference(expected, Bytes(options with { GradientCheckpointing = true })) < 1e-5);
        // Rounded, and so another training, but with the placeholder where it was.
        Assert.NotEqual(expected, Bytes(options with { Store = new() { Folder = folder.File("store"), DType = ScalarType.BFloat16 } }));

        static float Difference(byte[] a, byte[] b) => MemoryMarshal.Cast<byte, float>(a).ToArray().Zip(MemoryMarshal.Cast<byte, float>(b).ToArray())
            .Max(p => Math.Abs(p.First - p.Second));

        byte[] Bytes(PatchDpoTrainerOptions how)
        {
            using AdapterLayers layers = new PatchDpoTrainer(_model, how).Train(Pairs());
            return [.. layers.state_dict().OrderBy(t => t.Key, StringComparer.Ordinal).SelectMany(t => t.Value.bytes.ToArray())];
        }
    }

    [Fact]
    public void Training_and_saving_need_no_encoder_once_pairs_are_prepared()
    {
        using PersonalizedModel model = PersonalizedModel.Load(_folder);
        PatchDpoTrainer trainer = new(model, new() { MaxSteps = 2, LearningRate = 1e-2 });
        using PreparedPairs pairs = trainer.Prepare(Pairs());
        model.ReleaseEncoders();
        using PersonalizedModel tuned = model.WithAdapterLayers(trainer.Train(pairs));
        string path = Path.Combine(_folder, "released.safetensors");
        tuned.SaveAdapter(path);
        using PersonalizedModel loaded = PersonalizedModel.Load(_folder, path);
        Assert.NotEqual(Draw(1), Draw(1, model: loaded));
        Assert.Throws<ObjectDisposedException>(() => Draw(1, model: tuned));
    }

    [Fact]
    public void Training_sees_the_text_and_place_that_generation_sees()
    {
        using DisposeScope scope = NewDisposeScope();
        TrainingPair[] pairs = Pairs();
        using PreparedPairs prepared = new PatchDpoTrainer(_model).Prepare(pairs);
        foreach ((bool dropText, bool dropImage) in new[] { (false, false), (true, false), (false, true), (true, true) })
        {
            PromptConditions conditions = prepared.Batch(
                [1, 2], [dropText, false], [dropImage, false], zeros(2, 4, 8, 8), tensor(new long[] { 5, 6 }), officialTimeIds: false,
                (_, height, width) => ones(2, 2, height, width)).Conditions;
            string[] prompts = [dropText ? "" : pairs[1].Prompt, pairs[2].Prompt];
            ImagePrompt image = _model.Locate(ImagePrompt.Concat(
                dropImage ? _model.EncodeDroppedReference(1) : _model.EncodeReferences([pairs[1].Reference]),
                    _model.EncodeReferences([pairs[2].Reference])), prompts);
            Tensor text = _model.EncodeText(prompts, imagePrompt: image).HiddenStates;
            Fixtures.AssertClose(conditions.Text.HiddenStates, cat([text, text]), 1e-5, "text");
            foreach (string name in image.Names)
                Fixtures.AssertClose(conditions.Image[name], cat([image[name], image[name]]), 1e-5, name);
            // The tiny vocabulary has a token for each letter.
            Assert.Equal(dropText || dropImage ? -1 : pairs[1].Prompt.Replace(" ", "", StringComparison.Ordinal).IndexOf('S', StringComparison.Ordinal) + 1,
                conditions.Image[ElitePromptEncoder.Place][0].item<long>());
        }
    }

    [Fact]
    public void Gradient_checkpointing_and_freed_encoders_change_nothing()
    {
        float[] losses = Losses(spare: false), spared = Losses(spare: true);
        Assert.Equal(losses[0], spared[0]);
        Assert.All(losses.Zip(spared), l => Assert.Equal(l.First, l.Second, 1e-3f * l.First));

        float[] Losses(bool spare)
        {
            using PersonalizedModel model = PersonalizedModel.Load(_folder);
            var told = new List<float>();
            var trainer = new PatchDpoTrainer(model, new() { MaxSteps = 4, TextDropout = 0.3, ImageDropout = 0.3, GradientCheckpointing = spare,
                Progress = new DirectProgress<TrainingProgress>(p => told.Add(p.Loss)) });
            using PreparedPairs prepared = trainer.Prepare(Pairs());
            if (spare)
                model.ReleaseEncoders();
            trainer.Train(prepared).Dispose();
            return [.. told];
        }
    }

    [Fact]
    public void Generation_training_and_loading_leak_nothing()
    {
        LeakCheck.Run(() => Draw(1));
        LeakCheck.Run(() => _model.Generate([new("a S", [TinyElite.Object(1).Picture]), new("a cat", Array.Empty<ImageBuffer>())], Options));
        LeakCheck.Run(() => new PatchDpoTrainer(_model, new() { MaxSteps = 2, ImageDropout = 0.5, TextDropout = 0.4 }).Train(Pairs()).Dispose());
        LeakCheck.Run(() => PersonalizedModel.Load(_folder).Dispose());
    }

    [Theory]
    [InlineData("a cat", null, "no word 'S'")]
    [InlineData("", null, "no word 'S'")]
    [InlineData("a cat and some more S", null, "within the text encoder's 16 tokens")]
    [InlineData("a S", "c", "no word 'c'")]
    [InlineData("a S cat", "cat", "is not one token")]
    public void A_prompt_without_its_placeholder_is_refused_by_name(string prompt, string? name, string message)
    {
        ReferenceImage reference = new(TinyElite.Object(1).Picture) { Name = name };
        UnsuitableReferencesException e = Assert.Throws<UnsuitableReferencesException>(
            () => _model.Generate([new("a S", [TinyElite.Object(1).Picture]), new(prompt, [reference])], Options with { AllowEmptyPrompts = true }));
        Assert.Equal(1, e.Index);
        Assert.Contains("request 1", e.Message, StringComparison.Ordinal);
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void References_that_ELITE_cannot_take_are_refused()
    {
        (ImageBuffer picture, ImageBuffer mask) = TinyElite.Object(1);
        ImageBuffer busy = TinyPersonalizedModel.Image(1);
        Refused("its background is not plain", new ReferenceImage(busy));
        Refused("16 x 16 pixels, its picture 32 x 32", new ReferenceImage(picture) { Mask = TinyElite.Object(1, 16).Mask });
        Refused("all black", new ReferenceImage(picture) { Mask = new ImageBuffer(32, 32, 1, new byte[1024]) });
        Refused("there are 2", new ReferenceImage(picture), new ReferenceImage(picture));
        Refused("there are 3", new ReferenceImage(picture) { OtherPhotos = [picture, picture] });
        Assert.Contains("row 1", Assert.Throws<UnsuitableReferencesException>(() => _model.EncodeReferences([picture, busy])).Message,
            StringComparison.Ordinal);
        Assert.Contains("pair 1", Assert.Throws<UnsuitableReferencesException>(
            () => new PatchDpoTrainer(_model, new() { MaxSteps = 1 }).Train([Pairs()[0], Pairs()[1] with { Reference = busy }])).Message,
                StringComparison.Ordinal);
        _model.Generate([new("a S", [new ReferenceImage(busy) { Mask = mask }])], Options);

        void Refused(string message, params ReferenceImage[] references) => Assert.Contains(
            message, Assert.Throws<UnsuitableReferencesException>(() => _model.Generate([new("a S", references)], Options)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Building_pairs_asks_before_anything_is_drawn_whether_the_prompts_have_the_placeholder()
    {
        string folder = Path.Combine(_folder, "pairs");
        using DinoVisionTransformer encoder = new(new DinoConfig { ImageSize = 32, PatchSize = 8, EmbedDim = 8, Depth = 1, NumHeads = 1 });
        PairBuilder builder = new(_model, encoder, new PairBuilderOptions());
        UnsuitableReferencesException e = Assert.Throws<UnsuitableReferencesException>(() => builder.Build(["a S", "a cat"], folder));
        Assert.Equal(1, e.Index);
        Assert.Contains("no word 'S'", e.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public void An_image_prompt_may_be_kept_in_less_precision_and_still_knows_its_placeholder()
    {
        using DisposeScope scope = NewDisposeScope();
        ImagePrompt exact = _model.EncodeReferences([new ReferenceImage(TinyElite.Object(1).Picture) { Name = "c" }]);
        foreach (ScalarType type in new[] { ScalarType.BFloat16, ScalarType.Float16, ScalarType.Float64 })
            Assert.Equal(2, _model.Locate(exact.Map(t => t.to(type)), ["a c"])[ElitePromptEncoder.Place].item<long>());
    }

    [Fact]
    public void Image_prompts_are_told_their_prompts_before_noise_is_predicted()
    {
        using DisposeScope scope = NewDisposeScope();
        ImagePrompt image = _model.EncodeReferences([TinyElite.Object(1).Picture]);
        TextConditions text = _model.EncodeText(["a S"], imagePrompt: image);
        Assert.Contains("PersonalizedModel.Locate", Assert.Throws<ArgumentException>(
            "prompt", () => _model.PredictNoise(zeros(1, 4, 8, 8), tensor(5L), text, image)).Message, StringComparison.Ordinal);
        _model.PredictNoise(zeros(1, 4, 8, 8), tensor(5L), text, _model.Locate(image, ["a S"]));
        Assert.Throws<ArgumentException>("prompts", () => _model.Locate(image, ["a S", "S"]));
        LeakCheck.Run(() => _model.Locate(image, ["a S"]).Dispose());
    }

    [Fact]
    public void A_mapper_without_the_other_is_refused_by_name()
    {
        File.Delete(Path.Combine(_folder, "local_mapper.pt"));
        Assert.Equal(["local_mapper.pt"], Assert.Throws<ModelFileNotFoundException>(() => PersonalizedModel.Load(_folder)).Candidates);
        File.Move(Path.Combine(_folder, "global_mapper.pt"), Path.Combine(_folder, "mapper.pt"));
        Assert.Contains("call it global_mapper or local_mapper", Assert.Throws<UnknownModelException>(
            () => PersonalizedModel.Load(_folder, Path.Combine(_folder, "mapper.pt"))).Message, StringComparison.Ordinal);
        Assert.Equal(["ip_adapter.safetensors", "global_mapper.pt", "global_mapper.safetensors", "global_mapper.bin"],
            Assert.Throws<ModelFileNotFoundException>(() => PersonalizedModel.Load(_folder)).Candidates);
    }

    [Fact]
    public void Half_of_a_file_with_both_mappers_is_refused_by_key()
    {
        using DisposeScope scope = NewDisposeScope();
        string path = Path.Combine(_folder, "half.bin");
        using (ITensorFile global = WeightsFile.Open(Path.Combine(_folder, "global_mapper.pt")))
            PatchDpo.Torch.Weights.Pickle.TorchCheckpointWriter.Write(path, new Dictionary<string, IReadOnlyDictionary<string, Tensor>>
            {
                ["global_mapper"] = global.Keys.ToDictionary(k => k, k => global.Read(k)),
            });
        Assert.Equal("local_mapper.mapping_0.0.weight", Assert.Throws<WeightsFormatException>(() => PersonalizedModel.Load(_folder, path)).Key);
    }

    [Fact]
    public void A_mapper_of_another_width_and_another_image_encoder_are_refused_by_field()
    {
        TinyElite.WriteMapper(_folder, "local_mapper.pt", output: 20);
        Assert.Contains("words of width 20, the UNet takes text of width 12", Assert.Throws<StateDictMismatchException>(()
            => PersonalizedModel.Load(_folder)).Message,
            StringComparison.Ordinal);
        TinyElite.WriteMapper(_folder, "local_mapper.pt", input: 20);
        Assert.Equal("hidden_size", Assert.Throws<ModelConfigException>(() => PersonalizedModel.Load(_folder)).Field);
        TinyElite.WriteMapper(_folder, "local_mapper.pt");
        TinyPersonalizedModel.WriteVision(_folder, layers: TinyElite.Layers - 1);
        Assert.Equal("num_hidden_layers", Assert.Throws<ModelConfigException>(() => PersonalizedModel.Load(_folder)).Field);
        TinyPersonalizedModel.WriteVision(_folder, width: 8, layers: TinyElite.Layers);
        Assert.Equal("hidden_size", Assert.Throws<ModelConfigException>(() => PersonalizedModel.Load(_folder)).Field);
    }

    [Fact]
    public void A_model_with_two_text_encoders_is_refused()
    {
        string sdxl = TinyPersonalizedModel.Write(Path.Combine(_folder, "sdxl"));
        Assert.Contains("the model has two", Assert.Throws<UnknownModelException>(
            () => PersonalizedModel.Load(sdxl, Path.Combine(_folder, "global_mapper.pt"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_that_chooses_no_format_writes_nothing()
    {
        string path = Path.Combine(_folder, "tuned.onnx");
        Assert.Throws<ArgumentException>("path", () => _model.SaveAdapter(path));
        Assert.False(File.Exists(path));
    }

    private byte[] Draw(int number, double scale = 1, PersonalizedModel? model = null)
    {
        (ImageBuffer picture, ImageBuffer mask) = TinyElite.Object(number);
        return (model ?? _model).Generate([new("a S", [new ReferenceImage(picture) { Mask = mask }])], Options with { AdapterScale = scale })[0].Pixels;
    }

    private byte[] Draw(ReferenceImage reference, string prompt = "a S") => _model.Generate([new(prompt, [reference])], Options)[0].Pixels;

    private static TrainingPair[] Pairs() => [.. Enumerable.Range(0, 3).Select(i => new TrainingPair(
        $"a {(i == 1 ? "b " : "")}S", TinyElite.Object(i).Picture, TinyPersonalizedModel.Image(10 + i), new(1, 1, [0.2f]), new(1, 1, [0.9f])))];
}
