using PatchDpo.Tests;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Tests.Personalization;
using PatchDpo.Torch.Training;
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
