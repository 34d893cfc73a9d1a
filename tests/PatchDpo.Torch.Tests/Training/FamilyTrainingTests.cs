using PatchDpo.Tests;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Tests.Personalization;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Training.Data;
using PatchDpo.Torch.Training.Objectives;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Training;

/// <summary>The same trainer on both families of models, with every adapter and in less precision.</summary>
public class FamilyTrainingTests(TinyFamilies families) : IClassFixture<TinyFamilies>
{
    public static TheoryData<TinyFamily, TinyAdapter> All() => TinyFamilies.All();

    [Theory]
    [MemberData(nameof(All))]
    public void Training_lowers_the_loss_and_the_tuned_model_draws_something_else(TinyFamily family, TinyAdapter adapter)
    {
        PersonalizedModel model = families.Model(family, adapter);
        using PersonalizedModel tuned = model.WithAdapterLayers(new PatchDpoTrainer(model, Options(60, 1e-2)).Train(Pairs()));
        float before = MeanLoss(model), after = MeanLoss(tuned);
        Assert.True(after < before, $"{before} -> {after}");
        GenerationRequest request = new("a", [TinyModelFixture.Image(1)]);
        Assert.NotEqual(model.Generate([request], new GenerationOptions { Steps = 2 })[0].Pixels,
            tuned.Generate([request], new GenerationOptions { Steps = 2 })[0].Pixels);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void The_same_seed_gives_the_same_weights_and_leaks_nothing(TinyFamily family, TinyAdapter adapter)
    {
        PersonalizedModel model = families.Model(family, adapter);
        using AdapterLayers first = Train(), second = Train();
        Assert.Equal(Bytes(first), Bytes(second));
        Assert.NotEqual(Bytes(model.AdapterLayers), Bytes(first));
        LeakCheck.Run(() => Train().Dispose());

        // All kinds of dropping come up.
        AdapterLayers Train() => new PatchDpoTrainer(model, new() { MaxSteps = 3, TextDropout = 0.3, ImageDropout = 0.3, BothDropout = 0.3 }).Train(Pairs());
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Blocks_that_are_computed_once_more_have_equal_gradients(TinyFamily family, TinyAdapter adapter)
    {
        using DisposeScope scope = NewDisposeScope();
        PersonalizedModel model = families.Model(family, adapter);
        using PreparedPairs prepared = new PatchDpoTrainer(model).Prepare(Pairs());
        TrainingBatch batch = prepared.Batch([0, 1, 2], [false, true, false], [false, false, true], randn([3, .. prepared.LatentShape]),
            tensor(new long[] { 10, 500, 900 }), officialTimeIds: false, (pairs, height, width) => ones(pairs.Count, 2, height, width));
        (float loss, Tensor[] gradients) = Gradients(false);
        (float lossAgain, Tensor[] again) = Gradients(true);
        Assert.Equal(loss, lossAgain);
        // Where three gradients meet, they are summed in another order: the last bits differ.
        foreach ((Tensor expected, Tensor actual) in gradients.Zip(again))
        {
            double scale = expected.abs().max().item<float>();
            Assert.True(scale > 0);
            Assert.InRange((actual - expected).abs().max().item<float>() / scale, 0, 1e-5);
        }

        (float, Tensor[]) Gradients(bool recompute)
        {
            using AdapterLayers layers = model.AdapterLayers.Clone();
            foreach (TorchSharp.Modules.Parameter parameter in layers.parameters())
                parameter.requires_grad = true;
            TrainingStep step = TrainingStep.Forward(model.Schedule, (x, t, c) => model.Predict(x, t, c, layers, 1, recompute), batch);
            Tensor value = PatchDpoLoss.Compute(step.Prediction, step.Target, step.Batch.Weights);
            value.backward();
            return (value.item<float>(), [.. layers.parameters().Select(p => p.grad!.clone())]);
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Training_with_gradient_checkpointing_has_the_losses_of_training_without_and_leaks_nothing(TinyFamily family, TinyAdapter adapter)
    {
        PersonalizedModel model = families.Model(family, adapter);
        float[] losses = Losses(false), again = Losses(true);
        Assert.Equal(losses[0], again[0]);
        Assert.All(losses.Zip(again), l => Assert.Equal(l.First, l.Second, 1e-3f * l.First));
        LeakCheck.Run(() => Losses(true));

        // Accumulated gradients, too, and the model before training, which takes none.
        float[] Losses(bool gradientCheckpointing)
        {
            var losses = new List<float>();
            new PatchDpoTrainer(model, new()
            {
                MaxSteps = 4,
                LearningRate = 1e-3,
                GradientAccumulation = 2,
                Objective = TrainingObjective.DiffusionDpo,
                GradientCheckpointing = gradientCheckpointing,
                Progress = new DirectProgress<TrainingProgress>(p => losses.Add(p.Loss)),
            }).Train(Pairs()).Dispose();
            return [.. losses];
        }
    }

    [Theory]
    [InlineData(TinyFamily.Sd15)]
    [InlineData(TinyFamily.Sdxl)]
    public void Bfloat16_models_train_float32_layers_close_to_a_float32_model(TinyFamily family)
    {
        PersonalizedModel exact = families.Model(family, TinyAdapter.Plus);
        using PersonalizedModel model = PersonalizedModel.Load(exact.FolderPath, dtype: ScalarType.BFloat16);
        using AdapterLayers tuned = new PatchDpoTrainer(model, Options(20, 1e-3)).Train(Pairs());
        Assert.All(tuned.parameters(), p => Assert.Equal(ScalarType.Float32, p.dtype));
        float expected = MeanLoss(exact), loss = MeanLoss(model);
        Assert.InRange(loss, 0.97f * expected, 1.03f * expected);
        using PersonalizedModel after = model.WithAdapterLayers(tuned.Clone());
        Assert.True(MeanLoss(after) < loss);
    }

    [Fact]
    public void Float16_models_are_not_trained()
    {
        using PersonalizedModel model = PersonalizedModel.Load(families.Model(TinyFamily.Sd15, TinyAdapter.Plus).FolderPath, dtype: ScalarType.Float16);
        Assert.Contains("bfloat16", Assert.Throws<NotSupportedException>(() => new PatchDpoTrainer(model)).Message, StringComparison.Ordinal);
    }

    private static PatchDpoTrainerOptions Options(int steps, double rate, IProgress<TrainingProgress>? progress = null)
        => new() { MaxSteps = steps, LearningRate = rate, BatchSize = 3, TextDropout = 0, ImageDropout = 0, BothDropout = 0, Progress = progress };

    // The seed draws the same pairs, noise and timesteps each time, and the rate moves nothing.
    private static float MeanLoss(PersonalizedModel model)
    {
        var losses = new List<float>();
        new PatchDpoTrainer(model, Options(30, 1e-30, new DirectProgress<TrainingProgress>(p => losses.Add(p.Loss)))).Train(Pairs()).Dispose();
        Assert.Equal(30, losses.Count);
        return losses.Average();
    }

    private static TrainingPair[] Pairs() => [.. Enumerable.Range(0, 3).Select(i => new TrainingPair(
        $"a thing {i % 2}", TinyModelFixture.Image(i), TinyPersonalizedModel.Image(10 + i, 48, 40), Map(0.2f + (0.1f * i)), Map(0.9f - (0.1f * i))))];

    private static QualityMap Map(float value) => new(2, 2, [value, value, value, value]);

    private static byte[] Bytes(AdapterLayers layers) => [.. layers.state_dict().OrderBy(t => t.Key, StringComparer.Ordinal)
        .SelectMany(t => t.Value.bytes.ToArray())];
}
