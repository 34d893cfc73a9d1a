using System.Runtime.InteropServices;
using PatchDpo.Tests;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Adapters.MipAdapter;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Training.Data;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Adapters.MipAdapter;

/// <summary>MIP-Adapter through the public interface: a plain IP-Adapter as its start, generation, training, saving and what is wrong with references.</summary>
public sealed class MipAdapterFamilyTests : IDisposable
{
    private static readonly GenerationOptions Merged = new() { Steps = 2, GuidanceScale = 3, ReferenceFusion = ReferenceFusion.Merge };

    private readonly string _root = Directory.CreateTempSubdirectory("patchdpo-mip-").FullName;
    private readonly Dictionary<TinyAdapter, PersonalizedModel> _models = [];

    public void Dispose()
    {
        foreach (PersonalizedModel model in _models.Values)
            model.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    [Theory]
    [InlineData(TinyAdapter.Linear)]
    [InlineData(TinyAdapter.Plus)]
    public void A_plain_IP_Adapter_is_the_start_and_what_is_saved_tells_its_family(TinyAdapter adapter)
    {
        PersonalizedModel model = Model(adapter);
        byte[] drawn = Draw(model, Two());
        foreach (string ending in new[] { ".safetensors", ".bin" })
        {
            string path = Path.Combine(_root, adapter + ending);
            model.SaveAdapter(path);
            // The official form is float16.
            using PersonalizedModel loaded = PersonalizedModel.Load(model.FolderPath, path);
            Assert.IsType<MipAdapterLayers>(loaded.AdapterLayers);
            Assert.All(drawn.Zip(Draw(loaded, Two())), p => Assert.InRange(p.First - p.Second, -3, 3));
        }
        // The gates are drawn alike each time.
        using PersonalizedModel again = Load(model.FolderPath);
        Assert.Equal(drawn, Draw(again, Two()));
    }

    [Fact]
    public void Keys_and_values_start_as_the_plain_ones()
    {
        PersonalizedModel model = Model(TinyAdapter.Plus);
        using SafetensorsFile plain = SafetensorsFile.Open(Path.Combine(model.FolderPath, "ip_adapter.safetensors"));
        foreach ((string name, Tensor value) in model.AdapterLayers.state_dict())
        {
            if (name.EndsWith("text_to_weight.weight", StringComparison.Ordinal))
                Assert.InRange(value.abs().max().item<float>(), 1e-6, 1 / Math.Sqrt(value.shape[1]));
            else
                Fixtures.AssertClose(value, plain.Read("ip_adapter." + name), 0, name);
        }
    }

    [Fact]
    public void Every_object_reaches_the_picture_by_its_photos_and_its_name()
    {
        PersonalizedModel model = Model(TinyAdapter.Plus);
        ReferenceImage[] two = Two();
        byte[] drawn = Draw(model, two);
        Assert.NotEqual(drawn, Draw(model, [two[0], two[1] with { Name = "dog" }]));
        Assert.NotEqual(drawn, Draw(model, [two[0], new ReferenceImage(Image(9)) { Name = two[1].Name }]));
        Assert.NotEqual(drawn, Draw(model, [two[0], two[1] with { OtherPhotos = [Image(9)] }]));
        // The order of the objects does not matter, but for rounding.
        Assert.All(drawn.Zip(Draw(model, [two[1], two[0]])), p => Assert.InRange(p.First - p.Second, -1, 1));
        // Nor does it matter whether a photo stands twice.
        Assert.All(drawn.Zip(Draw(model, [two[0], two[1] with { OtherPhotos = [two[1].Image] }])), p => Assert.InRange(p.First - p.Second, -1, 1));
    }

    [Fact]
    public void Requests_with_one_two_and_three_objects_share_a_batch()
    {
        PersonalizedModel model = Model(TinyAdapter.Plus);
        ReferenceImage[] all = [.. Two(), new ReferenceImage(Image(5)) { Name = "hat" }];
        GenerationRequest[] requests = [new("a cat", [all[0]]), new("a cat and a robot", [.. all.Take(2)]), new("a cat and a robot with a hat", all), new("a", [])];
        IReadOnlyList<ImageBuffer> together = model.Generate(requests, Merged);
        for (int i = 0; i < requests.Length; i++)
        {
            byte[] alone = model.Generate([requests[i] with { NoiseIndex = i }], Merged)[0].Pixels;
            Assert.All(together[i].Pixels.Zip(alone), p => Assert.InRange(p.First - p.Second, -1, 1));
        }
    }

    [Fact]
    public void One_object_is_IP_Adapter_behind_the_gate_whatever_its_name()
    {
        PersonalizedModel model = Model(TinyAdapter.Plus);
        Assert.Equal(Draw(model, [Image(1)]), Draw(model, [new ReferenceImage(Image(1)) { Name = "cat" }]));
        // One object in two photos is averaged, also where nobody says Merge.
        byte[] averaged = Draw(model, [Image(1), Image(2)], Merged with { ReferenceFusion = ReferenceFusion.Average });
        Assert.Equal(averaged, Draw(model, [new ReferenceImage(Image(1)) { OtherPhotos = [Image(2)] }]));
        Assert.NotEqual(averaged, Draw(model, [Image(1), Image(2)], Merged with { ReferenceFusion = ReferenceFusion.Concatenate }));
    }

    [Fact]
    public void Other_sizes_than_squares_are_possible()
        => Assert.Equal((48, 32), Model(TinyAdapter.Plus).Generate([new("a cat and a robot", Two())], Merged with { Width = 48, Height = 32 })[0] is var i
            ? (i.Width, i.Height) : default);

    [Fact]
    public void Training_trains_keys_values_and_gates()
    {
        PersonalizedModel model = Model(TinyAdapter.Plus);
        TrainingPair[] pairs = Pairs();
        var options = new PatchDpoTrainerOptions { MaxSteps = 3, BatchSize = 2, LearningRate = 1e-2, ImageDropout = 0.3, TextDropout = 0.3 };
        using AdapterLayers tuned = new PatchDpoTrainer(model, options).Train(pairs);
        Dictionary<string, Tensor> before = model.AdapterLayers.state_dict();
        Assert.All(tuned.state_dict(), t => Assert.NotEqual(before[t.Key].data<float>().ToArray(), t.Value.data<float>().ToArray()));
        LeakCheck.Run(() => new PatchDpoTrainer(model, options).Train(pairs).Dispose());

        // Neither gradient checkpointing nor freed encoders change the losses.
        float[] losses = Losses(spare: false), spared = Losses(spare: true);
        Assert.Equal(losses[0], spared[0]);
        Assert.All(losses.Zip(spared), l => Assert.Equal(l.First, l.Second, 1e-3f * l.First));

        float[] Losses(bool spare)
        {
            using PersonalizedModel own = Load(model.FolderPath);
            var told = new List<float>();
            var trainer = new PatchDpoTrainer(own, options with
            {
                LearningRate = 1e-4,
                GradientCheckpointing = spare,
                Progress = new DirectProgress<TrainingProgress>(p => told.Add(p.Loss)),
            });
            using PreparedPairs prepared = trainer.Prepare(pairs);
            if (spare)
                own.ReleaseEncoders();
            trainer.Train(prepared).Dispose();
            return [.. told];
        }
    }

    [Fact]
    public void A_model_of_half_the_precision_draws_and_is_trained()
    {
        using PersonalizedModel half = PersonalizedModel.Load(
            Model(TinyAdapter.Plus).FolderPath, new PersonalizedModelOptions { AdapterFamily = "mip-adapter", DType = ScalarType.BFloat16 });
        Assert.Equal(32 * 32 * 3, Draw(half, Two()).Length);
        TrainingPair pair = new("a cat and a robot", Image(1), Image(2), new(1, 1, [0.2f]), new(1, 1, [0.9f])) { ImagePrompts = Two() };
        using AdapterLayers tuned = new PatchDpoTrainer(half, new PatchDpoTrainerOptions { MaxSteps = 2 }).Train([pair]);
        Assert.All(tuned.parameters(), p => Assert.Equal(ScalarType.Float32, p.dtype));
    }

    [Fact]
    public void A_training_that_is_stopped_goes_on_to_the_same_bits_with_what_a_store_keeps()
    {
        using TemporaryFolder folder = new();
        PatchDpoTrainerOptions options = new() { MaxSteps = 4, LearningRate = 1e-2, BatchSize = 2, TextDropout = 0.3, ImageDropout = 0.3 };
        byte[] expected = Bytes(options);
        PatchDpoTrainerOptions kept = options with { Store = new() { Folder = folder.File("store") }, State = new() { Folder = folder.File("state") } };
        using CancellationTokenSource stop = new();
        Assert.Throws<OperationCanceledException>(() => new PatchDpoTrainer(Model(TinyAdapter.Plus), kept with { Progress = new DirectProgress<TrainingProgress>(p =>
        {
            if (p.Step == 2)
                stop.Cancel();
        }) }).Train(Pairs(), stop.Token));
        Assert.Equal(expected, Bytes(kept));
        // The backward pass asks the branch once more, and what the branch keeps is freed all the same.
        PatchDpoTrainerOptions recomputed = options with { GradientCheckpointing = true };
        Assert.True(MemoryMarshal.Cast<byte, float>(Bytes(recomputed)).ToArray().Zip(MemoryMarshal.Cast<byte, float>(expected).ToArray())
            .Max(p => Math.Abs(p.First - p.Second)) < 1e-5);
        LeakCheck.Run(() => Bytes(recomputed));

        byte[] Bytes(PatchDpoTrainerOptions how)
        {
            using AdapterLayers layers = new PatchDpoTrainer(Model(TinyAdapter.Plus), how).Train(Pairs());
            return [.. layers.state_dict().OrderBy(t => t.Key, StringComparer.Ordinal).SelectMany(t => t.Value.bytes.ToArray())];
        }
    }

    [Fact]
    public void Generation_leaks_nothing() => LeakCheck.Run(() => Draw(Model(TinyAdapter.Plus), Two()));

    [Theory]
    [InlineData(ReferenceFusion.Merge, "reference 1 has no name", "cat", null)]
    [InlineData(ReferenceFusion.Merge, "reference 1 has no name", "cat", " ")]
    [InlineData(ReferenceFusion.Average, "they name several objects (cat, dog)", "cat", "dog")]
    [InlineData(ReferenceFusion.Merge, "the name of reference 0 has 18 tokens, and the text encoder takes 14", "aaaaaaaaaaaaaaaaaa", "dog")]
    public void References_that_cannot_be_merged_are_named(ReferenceFusion fusion, string message, string first, string? second)
    {
        PersonalizedModel model = Model(TinyAdapter.Plus);
        UnsuitableReferencesException e = Assert.Throws<UnsuitableReferencesException>(() => Draw(
            model, [new ReferenceImage(Image(1)) { Name = first }, new ReferenceImage(Image(2)) { Name = second }], Merged with { ReferenceFusion = fusion }));
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_plain_IP_Adapter_says_that_it_has_no_gates()
    {
        using PersonalizedModel plain = PersonalizedModel.Load(Model(TinyAdapter.Plus).FolderPath);
        Assert.Contains("--family mip-adapter", Assert.Throws<UnsuitableReferencesException>(() => Draw(plain, Two())).Message, StringComparison.Ordinal);
        Assert.Contains("ip-adapter, mip-adapter", Assert.Throws<ArgumentException>(() => new PersonalizedModelOptions { AdapterFamily = "lora" }).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_that_the_prompt_lacks_is_a_warning()
    {
        List<string> warnings = [];
        Model(TinyAdapter.Plus).Generate([new("a cat", Two())], Merged with { Steps = 1 },
            new DirectProgress<GenerationProgress>(p => warnings.AddRange(p.Warnings)));
        Assert.Equal(["Request 0: the prompt does not name 'robot', whose reference it has."], warnings);
    }

    [Fact]
    public void Files_with_some_of_the_gates_are_refused()
    {
        PersonalizedModel model = Model(TinyAdapter.Plus);
        string whole = Path.Combine(_root, "whole.safetensors"), part = Path.Combine(_root, "part.safetensors");
        model.SaveAdapter(whole);
        using DisposeScope scope = NewDisposeScope();
        using (SafetensorsFile file = SafetensorsFile.Open(whole))
            SafetensorsWriter.Write(part, file.ReadAll().Where(t => t.Key != "ip_adapter.1.text_to_weight.weight").ToDictionary(), file.Metadata.ToDictionary());
        Assert.Equal(["'ip_adapter.1.text_to_weight.weight'"],
            Assert.Throws<StateDictMismatchException>(() => PersonalizedModel.Load(model.FolderPath, part)).MissingKeys);
    }

    private static ImageBuffer Image(int number) => TinyPersonalizedModel.Image(number);

    private static ReferenceImage[] Two() => [new(Image(1)) { Name = "cat" }, new(Image(2)) { Name = "robot" }];

    private static TrainingPair[] Pairs() => [.. Enumerable.Range(0, 3).Select(i => new TrainingPair(
        "a cat and a robot", Image(i), Image(10 + i), new(1, 1, [0.2f]), new(1, 1, [0.9f]))
    { ImagePrompts = i == 0 ? null : Two() })];

    private static byte[] Draw(PersonalizedModel model, IReadOnlyList<ReferenceImage> references, GenerationOptions? options = null)
        => model.Generate([new("a cat and a robot", references)], options ?? Merged)[0].Pixels;

    private static PersonalizedModel Load(string folder) => PersonalizedModel.Load(folder, new PersonalizedModelOptions { AdapterFamily = "MIP-Adapter" });

    private PersonalizedModel Model(TinyAdapter adapter)
    {
        if (!_models.TryGetValue(adapter, out PersonalizedModel? model))
            _models.Add(adapter, model = Load(TinyPersonalizedModel.Write(Path.Combine(_root, adapter.ToString()), adapter: adapter)));
        return model;
    }
}
