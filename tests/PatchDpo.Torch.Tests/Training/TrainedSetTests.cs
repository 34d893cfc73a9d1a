using PatchDpo.Tests;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Tests.Adapters;
using PatchDpo.Torch.Tests.Personalization;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Training.Data;
using PatchDpo.Torch.Training.Objectives;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Training;

/// <summary>Which parts of an adapter are trained: keys and values, the image projection, or both.</summary>
public sealed class TrainedSetTests(TinyFamilies families) : IClassFixture<TinyFamilies>, IDisposable
{
    private static readonly PatchDpoTrainerOptions Dropping = new()
    {
        MaxSteps = 4,
        LearningRate = 1e-3,
        BatchSize = 2,
        TextDropout = 0.3,
        ImageDropout = 0.3,
        BothDropout = 0.1,
    };

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<TinyFamily, TinyAdapter, TrainedSet> Sets()
    {
        var data = new TheoryData<TinyFamily, TinyAdapter, TrainedSet>();
        foreach (TinyFamily family in Enum.GetValues<TinyFamily>())
            foreach (TinyAdapter adapter in Enum.GetValues<TinyAdapter>())
                foreach (TrainedSet set in Enum.GetValues<TrainedSet>())
                    data.Add(family, adapter, set);
        return data;
    }

    public static TheoryData<TinyFamily, TinyAdapter> All() => TinyFamilies.All();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Sets))]
    public void Exactly_the_named_parts_change_in_a_copy_and_a_file_has_them(TinyFamily family, TinyAdapter adapter, TrainedSet set)
    {
        PersonalizedModel model = families.Model(family, adapter);
        nn.Module projection = Projection(model);
        byte[] before = Bytes(model.AdapterLayers, projection);
        using PersonalizedModel tuned = model.WithAdapterLayers(Train(model, Dropping with { TrainedSet = set }));
        Assert.Equal(before, Bytes(model.AdapterLayers, projection));
        Assert.Equal(set == TrainedSet.KeysAndValues, tuned.AdapterLayers.ImageProjection is null);
        Assert.Equal(4, tuned.AdapterLayers.TrainedSteps);
        AssertChanged(model.AdapterLayers, tuned.AdapterLayers, set != TrainedSet.ImageProjection);
        AssertChanged(projection, Projection(tuned), set != TrainedSet.KeysAndValues);
        Assert.All(tuned.AdapterLayers.parameters().Concat(Projection(tuned).parameters()), p => Assert.False(p.requires_grad));

        string path = _folder.File("tuned.safetensors");
        tuned.SaveAdapter(path);
        using (SafetensorsFile file = SafetensorsFile.Open(path))
            Assert.Equal(projection.state_dict().Count, file.Keys.Count(k => k.StartsWith("image_proj.", StringComparison.Ordinal)));
        using PersonalizedModel loaded = PersonalizedModel.Load(model.FolderPath, path);
        Assert.Equal(Bytes(tuned.AdapterLayers, Projection(tuned)), Bytes(loaded.AdapterLayers, Projection(loaded)));
        Assert.Equal(Draw(tuned), Draw(loaded));
        Assert.NotEqual(Draw(model), Draw(loaded));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_trained_projection_lowers_the_loss(TinyFamily family, TinyAdapter adapter)
    {
        PersonalizedModel model = families.Model(family, adapter);
        PatchDpoTrainerOptions options = new() { BatchSize = 3, TextDropout = 0, ImageDropout = 0, BothDropout = 0 };
        using PersonalizedModel tuned = model.WithAdapterLayers(
            Train(model, options with { MaxSteps = 60, LearningRate = 1e-2, TrainedSet = TrainedSet.ImageProjection }));
        Assert.True(MeanLoss(tuned) < MeanLoss(model), $"{MeanLoss(model)} -> {MeanLoss(tuned)}");

        // The seed draws the same pairs, noise and timesteps each time, and the rate moves nothing.
        float MeanLoss(PersonalizedModel of)
        {
            List<float> losses = [];
            Train(of, options with { MaxSteps = 30, LearningRate = 1e-30, Progress = new DirectProgress<TrainingProgress>(p => losses.Add(p.Loss)) }).Dispose();
            return losses.Average();
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_projections_gradient_is_what_differences_of_the_loss_say(TinyFamily family, TinyAdapter adapter)
    {
        using DisposeScope scope = NewDisposeScope();
        PersonalizedModel model = families.Model(family, adapter);
        using PreparedPairs prepared = new PatchDpoTrainer(model, new() { TrainedSet = TrainedSet.All }).Prepare(Pairs());
        nn.Module projection = ((IImageProjection)Projection(model)).Copy(null);
        foreach (Parameter parameter in projection.parameters())
            parameter.requires_grad = true;
        var training = new ProjectionTraining(((ProjectedPromptEncoder)model.References).With(projection));
        Tensor noise = randn([3, .. prepared.LatentShape]);
        (double _, Tensor[] gradients) = Loss(recompute: false);
        // Computed once more in the backward pass, the blocks give the same.
        foreach ((Tensor expected, Tensor actual) in gradients.Zip(Loss(recompute: true).Gradients))
            Fixtures.AssertClose(actual, expected, 1e-5 * expected.abs().max().item<float>(), "recomputed");
        foreach ((Parameter parameter, Tensor gradient) in projection.parameters().Zip(gradients))
        {
            double norm = gradient.norm().item<float>(), step = 2e-2 * Math.Max(0.05, parameter.norm().item<float>() / Math.Sqrt(parameter.numel()));
            Tensor along = gradient / norm, before = parameter.detach().clone();
            double up = Shifted(step), down = Shifted(-step), slope = (up - down) / (2 * step);
            // Differences of float32 losses: what they cannot tell apart is left to the larger gradients.
            Assert.InRange(slope - norm, (-0.05 * norm) - 2e-4, (0.05 * norm) + 2e-4);

            double Shifted(double by)
            {
                using (no_grad())
                    parameter.copy_(before + (along * by));
                double loss = Loss(recompute: false).Value;
                using (no_grad())
                    parameter.copy_(before);
                return loss;
            }
        }
        Assert.True(gradients.Max(g => g.norm().item<float>()) > 1e-2);

        (double Value, Tensor[] Gradients) Loss(bool recompute)
        {
            projection.zero_grad();
            TrainingBatch batch = prepared.Batch([0, 1, 2], [false, true, false], [false, false, true], noise, tensor(new long[] { 10, 500, 900 }),
                officialTimeIds: false, (pairs, height, width) => ones(pairs.Count, 2, height, width), training.Encoder);
            batch = batch with { Conditions = training.Cut(batch.Conditions) };
            TrainingStep step = TrainingStep.Forward(model.Schedule, (x, t, c) => model.Predict(x, t, c, model.AdapterLayers, 1, recompute), batch);
            Tensor value = PatchDpoLoss.Compute(step.Prediction, step.Target, step.Batch.Weights);
            value.backward();
            training.Backward();
            return (value.item<float>(), [.. projection.parameters().Select(p => p.grad!.clone())]);
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Projected_features_are_the_models_own_image_prompts_however_many_photos_they_have(TinyFamily family, TinyAdapter adapter)
    {
        using DisposeScope scope = NewDisposeScope();
        PersonalizedModel model = families.Model(family, adapter);
        TrainingPair[] pairs = Pairs();
        using PreparedPairs prepared = new PatchDpoTrainer(model, new() { TrainedSet = TrainedSet.All }).Prepare(pairs);
        using PreparedPairs plain = new PatchDpoTrainer(model).Prepare(pairs);
        Fixtures.AssertClose(Tokens(prepared), Tokens(plain), 1e-5, "tokens");
        Fixtures.AssertClose(Tokens(plain)[1].unsqueeze(0), model.EncodeReferences(pairs[1].ImagePrompts!)["tokens"], 1e-5, "several photos");

        Tensor Tokens(PreparedPairs of) => of.Batch([0, 1, 2], new bool[3], [false, false, true], zeros([3, .. of.LatentShape]), zeros(3, ScalarType.Int64),
            officialTimeIds: false, (pairs, height, width) => ones(pairs.Count, 2, height, width)).Conditions.Image["tokens"];
    }

    [Fact]
    public void With_a_store_a_training_is_the_one_without_and_latents_and_text_are_shared_with_other_trainings()
    {
        PersonalizedModel model = families.Model(TinyFamily.Sdxl, TinyAdapter.Plus);
        PatchDpoTrainerOptions options = Dropping with { TrainedSet = TrainedSet.All };
        PatchDpoTrainerOptions stored = options with { Store = new() { Folder = _folder.File("store") } };
        byte[] memory = Trained(model, options);
        Train(model, stored with { TrainedSet = TrainedSet.KeysAndValues }).Dispose();
        int shards = Shards();
        Assert.Equal(memory, Trained(model, stored));
        Assert.Equal(shards + 1, Shards());
        Assert.Equal(memory, Trained(model, stored));
        Assert.Equal(shards + 1, Shards());
        LeakCheck.Run(() => Train(model, stored).Dispose());

        int Shards() => Directory.GetFiles(Assert.Single(Directory.GetDirectories(_folder.File("store")))).Length;
    }

    [Theory]
    [InlineData(TrainedSet.ImageProjection)]
    [InlineData(TrainedSet.All)]
    public void A_training_that_is_stopped_goes_on_to_the_same_bits(TrainedSet set)
    {
        PersonalizedModel model = families.Model(TinyFamily.Sd15, TinyAdapter.Plus);
        PatchDpoTrainerOptions options = Dropping with { TrainedSet = set, EmaDecay = 0.9, GradientAccumulation = 2, MaxGradientNorm = 1 };
        byte[] expected = Trained(model, options);
        PatchDpoTrainerOptions kept = options with { State = new() { Folder = _folder.File("state") } };
        using CancellationTokenSource stop = new();
        var stopping = new DirectProgress<TrainingProgress>(p =>
        {
            if (p.Step == 2)
                stop.Cancel();
        });
        Assert.Throws<OperationCanceledException>(() => new PatchDpoTrainer(model, kept with { Progress = stopping }).Train(Pairs(), stop.Token));
        Assert.Contains("TrainedSet: " + set, Assert.Throws<PatchDpo.Torch.Loop.TrainingStateMismatchException>(
            () => Train(model, kept with { TrainedSet = TrainedSet.KeysAndValues })).Message, StringComparison.Ordinal);
        Assert.Equal(expected, Trained(model, kept));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Diffusion_DPO_compares_with_the_projection_before_training_and_checkpointing_changes_nothing(TinyFamily family, TinyAdapter adapter)
    {
        PersonalizedModel model = families.Model(family, adapter);
        float[] losses = Losses(false), again = Losses(true);
        Assert.Equal(Math.Log(2), losses[0], 1e-5);
        // With the trained projection on both sides there would be no difference at any step.
        Assert.All(losses[1..], l => Assert.NotEqual(Math.Log(2), l, 1e-4));
        Assert.All(losses.Zip(again), l => Assert.Equal(l.First, l.Second, 1e-3f * l.First));
        LeakCheck.Run(() => Losses(true));

        float[] Losses(bool recompute)
        {
            List<float> told = [];
            Train(model, new()
            {
                MaxSteps = 4,
                LearningRate = 1e-3,
                TrainedSet = TrainedSet.ImageProjection,
                Objective = TrainingObjective.DiffusionDpo,
                GradientCheckpointing = recompute,
                GradientAccumulation = 2,
                Progress = new DirectProgress<TrainingProgress>(p => told.Add(p.Loss)),
            }).Dispose();
            return [.. told];
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_bfloat16_models_projection_is_trained_in_float32(bool recompute)
    {
        using PersonalizedModel model = PersonalizedModel.Load(families.Model(TinyFamily.Sdxl, TinyAdapter.Plus).FolderPath, dtype: ScalarType.BFloat16);
        using PersonalizedModel tuned = model.WithAdapterLayers(Train(model, Dropping with { TrainedSet = TrainedSet.All, GradientCheckpointing = recompute }));
        Assert.All(Projection(tuned).parameters(), p => Assert.Equal(ScalarType.Float32, p.dtype));
        using nn.Module start = ((IImageProjection)Projection(model)).Copy(ScalarType.Float32);
        AssertChanged(start, Projection(tuned), true);
        Assert.NotEqual(Draw(model), Draw(tuned));
    }

    [Fact]
    public void Encoders_can_be_freed_and_a_tuned_model_is_trained_further()
    {
        using PersonalizedModel model = PersonalizedModel.Load(families.Model(TinyFamily.Sdxl, TinyAdapter.Linear).FolderPath);
        byte[] expected = Trained(model, Dropping with { TrainedSet = TrainedSet.All });
        using PersonalizedModel tuned = model.WithAdapterLayers(Train(model, Dropping with { TrainedSet = TrainedSet.All }));
        using PersonalizedModel further = tuned.WithAdapterLayers(Train(tuned, Dropping));
        Assert.Equal(Bytes(Projection(tuned)), Bytes(Projection(further)));
        Assert.NotEqual(Bytes(tuned.AdapterLayers), Bytes(further.AdapterLayers));
        Assert.NotEqual(GeneratorIdentity.Of(model).Files.Count, GeneratorIdentity.Of(tuned).Files.Count);
        Assert.NotEqual(GeneratorIdentity.ForTraining(model).Files[^1].Sha256, GeneratorIdentity.ForTraining(tuned).Files[^1].Sha256);
        var trainer = new PatchDpoTrainer(model, Dropping with { TrainedSet = TrainedSet.All });
        using PreparedPairs prepared = trainer.Prepare(Pairs());
        Assert.Throws<ArgumentException>("pairs", () => new PatchDpoTrainer(model, Dropping).Train(prepared));
        model.ReleaseEncoders();
        using AdapterLayers layers = trainer.Train(prepared);
        Assert.Equal(expected, Bytes(layers, layers.ImageProjection!));
    }

    [Fact]
    public void A_projection_of_another_kind_does_not_take_an_adapters_place()
    {
        PersonalizedModel plus = families.Model(TinyFamily.Sdxl, TinyAdapter.Plus), plain = families.Model(TinyFamily.Sdxl, TinyAdapter.Linear);
        using AdapterLayers layers = Train(plus, Dropping with { TrainedSet = TrainedSet.All });
        ArgumentException error = Assert.Throws<ArgumentException>("layers", () => plain.WithAdapterLayers(layers));
        Assert.Contains("another adapter's", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_family_without_a_projection_is_refused_before_anything_is_read()
    {
        string folder = TinyPersonalizedModel.Write(_folder.File("other"));
        using PersonalizedModel other = PersonalizedModel.Load(folder, OtherFamily.WriteFile(folder, width: 24));
        Assert.Contains("'other'", Assert.Throws<NotSupportedException>(
            () => new PatchDpoTrainer(other, new() { TrainedSet = TrainedSet.All })).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new PatchDpoTrainerOptions { TrainedSet = (TrainedSet)7 });
    }

    [Theory]
    [InlineData("mip-adapter")]
    [InlineData("ms-diffusion")]
    public void Adapters_of_several_objects_train_their_projections(string name)
    {
        string folder = TinyPersonalizedModel.Write(_folder.File(name));
        using PersonalizedModel model = name == "mip-adapter" ? PersonalizedModel.Load(folder, new PersonalizedModelOptions { AdapterFamily = name })
            : PersonalizedModel.Load(folder, TinyMsDiffusion.WriteAdapter(folder));
        ReferenceImage cat = new(Image(1)) { Name = "cat", Box = new(0, 0, 0.5, 1), OtherPhotos = [Image(5)] };
        ReferenceImage robot = new(Image(2)) { Name = "robot", Box = new(0.5, 0, 1, 1) };
        TrainingPair[] pairs = [.. Pairs().Select((p, i) => p with { Prompt = "a cat and a robot", ImagePrompts = i == 0 ? [cat] : [cat, robot] })];
        using PersonalizedModel tuned = model.WithAdapterLayers(new PatchDpoTrainer(model, Dropping with { TrainedSet = TrainedSet.All }).Train(pairs));
        AssertChanged(model.AdapterLayers, tuned.AdapterLayers, true);
        // MS-Diffusion's grounding_latents stand in where name and box are left out, which is never here.
        AssertChanged(Projection(model), Projection(tuned), true, "grounding_latents");
        string path = _folder.File("tuned.safetensors");
        tuned.SaveAdapter(path);
        using PersonalizedModel loaded = PersonalizedModel.Load(folder, path);
        Assert.Equal(Bytes(Projection(tuned)), Bytes(Projection(loaded)));
        LeakCheck.Run(() => new PatchDpoTrainer(model, Dropping with { TrainedSet = TrainedSet.All }).Train(pairs).Dispose());

        using DisposeScope scope = NewDisposeScope();
        using PreparedPairs prepared = new PatchDpoTrainer(model, new() { TrainedSet = TrainedSet.All }).Prepare(pairs);
        using PreparedPairs plain = new PatchDpoTrainer(model).Prepare(pairs);
        ImagePromptsEqual(Prompt(prepared), Prompt(plain));

        ImagePrompt Prompt(PreparedPairs of) => of.Batch([0, 1, 2], new bool[3], [false, false, true], zeros([3, .. of.LatentShape]),
            zeros(3, ScalarType.Int64), officialTimeIds: false, (pairs, height, width) => ones(pairs.Count, 2, height, width)).Conditions.Image;
    }

    private static void ImagePromptsEqual(ImagePrompt actual, ImagePrompt expected)
    {
        Assert.Equal(expected.Names, actual.Names);
        foreach (string name in expected.Names)
            Fixtures.AssertClose(actual[name].to(ScalarType.Float32), expected[name].to(ScalarType.Float32), 1e-5, name);
    }

    private static nn.Module Projection(PersonalizedModel model) => ((ProjectedPromptEncoder)model.References).ImageProjection;

    private static void AssertChanged(nn.Module before, nn.Module after, bool changed, string? except = null)
    {
        Dictionary<string, Tensor> old = before.state_dict();
        Assert.All(after.state_dict().Where(t => t.Key != except),
            t => Assert.True(changed != t.Value.bytes.SequenceEqual(old[t.Key].bytes), t.Key));
    }

    private static AdapterLayers Train(PersonalizedModel model, PatchDpoTrainerOptions options) => new PatchDpoTrainer(model, options).Train(Pairs());

    private static byte[] Trained(PersonalizedModel model, PatchDpoTrainerOptions options)
    {
        using AdapterLayers layers = Train(model, options);
        return Bytes(layers, layers.ImageProjection!);
    }

    private static byte[] Bytes(params nn.Module[] modules)
        => [.. modules.SelectMany(m => m.state_dict().OrderBy(t => t.Key, StringComparer.Ordinal)).SelectMany(t => t.Value.bytes.ToArray())];

    private static byte[] Draw(PersonalizedModel model) => model.Generate([new("a", [Image(1)])], new GenerationOptions { Steps = 2 })[0].Pixels;

    private static ImageBuffer Image(int number) => TinyPersonalizedModel.Image(number);

    // The second one's object has three photos.
    private static TrainingPair[] Pairs() => [.. Enumerable.Range(0, 3).Select(i => new TrainingPair(
        $"a thing {i % 2}", Image(i), Image(10 + i), new QualityMap(1, 1, [0.2f + (0.1f * i)]), new QualityMap(1, 1, [0.9f - (0.1f * i)]))
    { ImagePrompts = i == 1 ? [new(Image(1)) { OtherPhotos = [Image(6), Image(7)] }] : null })];
}
