using PatchDpo.Tests;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Loop;
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

public class PatchDpoTrainerTests(TinyModelFixture fixture) : IClassFixture<TinyModelFixture>
{
    private readonly PersonalizedModel _model = fixture.Model;

    [Fact]
    public void The_same_seed_gives_the_same_weights_to_the_last_bit()
    {
        using AdapterLayers first = Train(new() { MaxSteps = 4 }), second = Train(new() { MaxSteps = 4 }), other = Train(new() { MaxSteps = 4, Seed = 1 });
        Assert.Equal(Bytes(first), Bytes(second));
        Assert.NotEqual(Bytes(first), Bytes(other));
    }

    [Fact]
    public void Only_the_copy_of_the_adapter_layers_changes()
    {
        byte[] before = Bytes(_model.AdapterLayers);
        byte[] image = _model.Generate([new("a", [TinyModelFixture.Image(1)])], new GenerationOptions { Steps = 2 })[0].Pixels;
        using AdapterLayers tuned = Train(new() { MaxSteps = 3, LearningRate = 1e-2 });
        Assert.Equal(before, Bytes(_model.AdapterLayers));
        Assert.NotEqual(before, Bytes(tuned));
        Assert.All(tuned.parameters(), p => Assert.False(p.requires_grad));
        Assert.Equal(image, _model.Generate([new("a", [TinyModelFixture.Image(1)])], new GenerationOptions { Steps = 2 })[0].Pixels);
    }

    [Fact]
    public void Training_lowers_the_loss()
    {
        using PersonalizedModel tuned = _model.WithAdapterLayers(Train(Options(60, 1e-2)));
        float before = MeanLoss(_model), after = MeanLoss(tuned);
        Assert.True(after < before, $"{before} -> {after}");

        static PatchDpoTrainerOptions Options(int steps, double rate, IProgress<TrainingProgress>? progress = null)
            => new() { MaxSteps = steps, LearningRate = rate, BatchSize = 3, TextDropout = 0, ImageDropout = 0, BothDropout = 0, Progress = progress };

        // The seed draws the same pairs, noise and timesteps for both, and the rate moves nothing.
        static float MeanLoss(PersonalizedModel model)
        {
            var losses = new List<float>();
            new PatchDpoTrainer(model, Options(30, 1e-30, new DirectProgress<TrainingProgress>(p => losses.Add(p.Loss)))).Train(Pairs()).Dispose();
            Assert.Equal(30, losses.Count);
            return losses.Average();
        }
    }

    [Fact]
    public void Where_all_weights_are_zero_the_loss_is_zero_and_only_decay_moves_the_layers()
    {
        // Perfect references (1 - p = 0) and worthless generations (p = 0) leave nothing to learn from.
        TrainingPair[] pairs = [new("a", TinyModelFixture.Image(1), TinyModelFixture.Image(2), Map(1), Map(0))];
        var losses = new List<float>();
        using AdapterLayers tuned = new PatchDpoTrainer(_model, new() { MaxSteps = 2, WeightDecay = 0,
            Progress = new DirectProgress<TrainingProgress>(p => losses.Add(p.Loss)) }).Train(pairs);
        Assert.Equal([0f, 0f], losses);
        Assert.Equal(Bytes(_model.AdapterLayers), Bytes(tuned));
    }

    [Fact]
    public void Velocity_models_train_too()
    {
        using var temporary = new TemporaryFolder();
        using PersonalizedModel model = PersonalizedModel.Load(TinyPersonalizedModel.Write(
            temporary.File("v"), prediction: "v_prediction", sampler: "DDIMScheduler"));
        using PersonalizedModel tuned = model.WithAdapterLayers(new PatchDpoTrainer(model, new() { MaxSteps = 2, MinSnrGamma = 5 }).Train(Pairs()));
        Assert.NotEqual(Bytes(model.AdapterLayers), Bytes(tuned.AdapterLayers));
        Assert.Single(tuned.Generate([new("a", [TinyModelFixture.Image(1)])], new GenerationOptions { Steps = 2 }));
    }

    [Fact]
    public void Training_leaks_nothing_even_when_cancelled()
    {
        LeakCheck.Run(() => Train(new() { MaxSteps = 2 }).Dispose());
        LeakCheck.Run(() => Assert.Throws<OperationCanceledException>(()
            => new PatchDpoTrainer(_model, new() { MaxSteps = 5 }).Train(Pairs(), new CancellationToken(canceled: true))));
        LeakCheck.Run(() => Assert.Throws<NonFiniteLossException>(() => Train(new() { MaxSteps = 20, LearningRate = 1e37 })));
        LeakCheck.Run(() =>
        {
            using var source = new CancellationTokenSource();
            var options = new PatchDpoTrainerOptions { MaxSteps = 5, Progress = new DirectProgress<TrainingProgress>(_ => source.Cancel()) };
            Assert.Throws<OperationCanceledException>(() => new PatchDpoTrainer(_model, options).Train(Pairs(), source.Token));
        });
    }

    [Fact]
    public void Cancelling_leaves_the_model_as_it_was()
    {
        byte[] before = Bytes(_model.AdapterLayers);
        using var source = new CancellationTokenSource();
        int steps = 0;
        var options = new PatchDpoTrainerOptions { MaxSteps = 50, LearningRate = 1e-2,
            Progress = new DirectProgress<TrainingProgress>(_ => { if (++steps == 2) source.Cancel(); }) };
        Assert.Throws<OperationCanceledException>(() => new PatchDpoTrainer(_model, options).Train(Pairs(), source.Token));
        Assert.Equal(2, steps);
        Assert.Equal(before, Bytes(_model.AdapterLayers));
    }

    [Fact]
    public void A_state_of_other_options_pairs_or_weights_is_refused_with_each_difference()
    {
        using var folder = new TemporaryFolder();
        var state = new TrainingStateOptions { Folder = folder.File("state") };
        PatchDpoTrainerOptions options = new() { MaxSteps = 2, State = state };
        new PatchDpoTrainer(_model, options).Train(Pairs()).Dispose();

        Assert.Equal(["LearningRateSchedule.Decay: Constant, now Linear", "MinSnrGamma: none, now 5", "Weights.Contrast: 1, now 2"], Changes(_model, options with
        {
            LearningRateSchedule = new() { Decay = LearningRateDecay.Linear },
            MinSnrGamma = 5,
            Weights = new() { Contrast = 2 },
        }, Pairs()));
        TrainingPair[] pairs = Pairs();
        pairs[2] = pairs[2] with { GeneratedQuality = Map(0.71f, 3) };
        Assert.StartsWith("SHA-256 of pairs: ", Assert.Single(Changes(_model, options, pairs)), StringComparison.Ordinal);
        using PersonalizedModel other = _model.WithAdapterLayers(Train(new() { MaxSteps = 1 }));
        Assert.StartsWith("SHA-256 of generator adapter in memory: ", Assert.Single(Changes(other, options, Pairs())), StringComparison.Ordinal);

        // What decides nothing, the length and the checkpoints may change.
        List<int> steps = [];
        new PatchDpoTrainer(_model, options with
        {
            MaxSteps = 3,
            State = state with { Interval = 1, KeepLast = 5, KeepEvery = 2 },
            MaxPromptCharacters = 1000,
            RefuseTruncatedPrompts = true,
            Progress = new DirectProgress<TrainingProgress>(p => steps.Add(p.Step)),
        }).Train(Pairs()).Dispose();
        Assert.Equal([3], steps);

        static IReadOnlyList<string> Changes(PersonalizedModel model, PatchDpoTrainerOptions options, TrainingPair[] pairs)
            => Assert.Throws<TrainingStateMismatchException>(() => new PatchDpoTrainer(model, options).Train(pairs)).Changes;
    }

    [Fact]
    public void Divergence_names_the_step()
    {
        byte[] before = Bytes(_model.AdapterLayers);
        NonFiniteLossException e = Assert.Throws<NonFiniteLossException>(() => Train(new() { MaxSteps = 20, LearningRate = 1e37 }));
        Assert.InRange(e.Step, 2, 21);
        Assert.Contains($"step {e.Step}", e.Message, StringComparison.Ordinal);
        Assert.Equal(before, Bytes(_model.AdapterLayers));
    }

    [Fact]
    public void A_step_that_is_not_finite_names_its_pairs()
    {
        NonFiniteLossException e = Assert.Throws<NonFiniteLossException>(() => Train(
            new() { MaxSteps = 20, LearningRate = 1e37, BatchSize = 2, GradientAccumulation = 2 }));
        // Those of the step's batches up to the one that failed.
        Assert.Contains(e.Pairs.Count, new[] { 2, 4 });
        Assert.All(e.Pairs, p => Assert.InRange(p, 0, 2));
        Assert.EndsWith($"It took the pairs {string.Join(", ", e.Pairs)}.", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(1f)]
    public void Quality_that_is_the_same_extreme_everywhere_is_refused_before_the_first_step(float value)
    {
        TrainingPair[] pairs = [.. Pairs().Select(p => p with { ReferenceQuality = Map(value), GeneratedQuality = Map(value, 3) })];
        var steps = new List<int>();
        PatchDpoTrainerOptions options = new() { MaxSteps = 1, Progress = new DirectProgress<TrainingProgress>(p => steps.Add(p.Step)) };
        Assert.Contains($"hold nothing but {value}:", Assert.Throws<ArgumentException>(
            "pairs", () => new PatchDpoTrainer(_model, options).Train(pairs)).Message, StringComparison.Ordinal);
        Assert.Empty(steps);
        // What does not use the maps trains.
        new PatchDpoTrainer(_model, options with { Objective = TrainingObjective.Reconstruction }).Train(pairs).Dispose();
        pairs[1] = pairs[1] with { ReferenceQuality = Map(0.5f) };
        new PatchDpoTrainer(_model, options).Train(pairs).Dispose();
    }

    [Fact]
    public void No_pairs_are_an_error_of_their_own()
        => Assert.Throws<EmptyDataException>(() => new PatchDpoTrainer(_model).Train([]));

    [Fact]
    public void A_pair_without_a_map_is_named()
    {
        TrainingPair[] pairs = Pairs();
        pairs[2] = pairs[2] with { GeneratedQuality = null! };
        Assert.Contains("Pair 2 has no quality map of its generated image", Assert.Throws<ArgumentException>(
            "pairs", () => new PatchDpoTrainer(_model).Train(pairs)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_long_prompt_is_named_by_its_pair()
    {
        TrainingPair[] pairs = Pairs();
        pairs[1] = pairs[1] with { Prompt = new string('x', 11) };
        Assert.Equal(1, Assert.Throws<PromptTooLongException>(() => new PatchDpoTrainer(_model, new() { MaxPromptCharacters = 10 }).Train(pairs)).PromptIndex);
    }

    [Fact]
    public void Options_that_contradict_one_another_are_refused()
        => Assert.Throws<ArgumentException>(() => new PatchDpoTrainer(_model, new() { TextDropout = 0.5, ImageDropout = 0.5, BothDropout = 0.5 }));

    [Theory]
    [InlineData(nameof(PatchDpoTrainerOptions.MaxSteps))]
    [InlineData(nameof(PatchDpoTrainerOptions.LearningRate))]
    [InlineData(nameof(PatchDpoTrainerOptions.WeightDecay))]
    [InlineData(nameof(PatchDpoTrainerOptions.Beta1))]
    [InlineData(nameof(PatchDpoTrainerOptions.TextDropout))]
    [InlineData(nameof(PatchDpoTrainerOptions.MinSnrGamma))]
    public void An_option_out_of_range_is_named(string option) => Assert.Equal(option, Assert.Throws<ArgumentOutOfRangeException>(() => option switch
    {
        nameof(PatchDpoTrainerOptions.MaxSteps) => new PatchDpoTrainerOptions { MaxSteps = 0 },
        nameof(PatchDpoTrainerOptions.LearningRate) => new PatchDpoTrainerOptions { LearningRate = 0 },
        nameof(PatchDpoTrainerOptions.WeightDecay) => new PatchDpoTrainerOptions { WeightDecay = -1 },
        nameof(PatchDpoTrainerOptions.Beta1) => new PatchDpoTrainerOptions { Beta1 = 1 },
        nameof(PatchDpoTrainerOptions.TextDropout) => new PatchDpoTrainerOptions { TextDropout = 1.5 },
        _ => new PatchDpoTrainerOptions { MinSnrGamma = 0 },
    }).ParamName);

    [Fact]
    public void Two_accumulated_batches_take_the_step_of_one_that_is_twice_as_large()
    {
        // Six pairs: one batch of four, or two of two.
        TrainingPair[] pairs = [.. Pairs(), .. Pairs()];
        using AdapterLayers whole = new PatchDpoTrainer(_model, new() { MaxSteps = 4, BatchSize = 4, Epsilon = 1e-3, LearningRate = 1e-2 }).Train(pairs);
        using AdapterLayers parts = new PatchDpoTrainer(
            _model, new() { MaxSteps = 4, BatchSize = 2, GradientAccumulation = 2, Epsilon = 1e-3, LearningRate = 1e-2 }).Train(pairs);
        foreach ((TorchSharp.Modules.Parameter a, TorchSharp.Modules.Parameter b) in whole.parameters().Zip(parts.parameters()))
            Fixtures.AssertClose(a, b, 1e-4, "weight");
    }

    [Fact]
    public void Schedule_clipping_and_average_change_the_training()
    {
        using AdapterLayers plain = Train(new() { MaxSteps = 4, LearningRate = 1e-2 }), same = Train(
            new() { MaxSteps = 4, LearningRate = 1e-2, MaxGradientNorm = 1e30 });
        Assert.Equal(Bytes(plain), Bytes(same));
        HashSet<string> results = [Convert.ToHexString(Bytes(plain))];
        foreach (PatchDpoTrainerOptions options in new PatchDpoTrainerOptions[]
        {
            new() { MaxSteps = 4, LearningRate = 1e-2, LearningRateSchedule = new() { Decay = LearningRateDecay.Linear } },
            new() { MaxSteps = 4, LearningRate = 1e-2, LearningRateSchedule = new() { Decay = LearningRateDecay.Cosine, WarmupSteps = 2 } },
            new() { MaxSteps = 4, LearningRate = 1e-2, MaxGradientNorm = 1e-9 },
            new() { MaxSteps = 4, LearningRate = 1e-2, EmaDecay = 0.5 },
        })
        {
            using AdapterLayers tuned = Train(options);
            Assert.True(results.Add(Convert.ToHexString(Bytes(tuned))));
        }
        LeakCheck.Run(() => Train(new() { MaxSteps = 2, GradientAccumulation = 2, MaxGradientNorm = 1, EmaDecay = 0.5 }).Dispose());
    }

    [Fact]
    public void Conditions_are_dropped_as_often_as_the_shares_say()
    {
        var trainer = new PatchDpoTrainer(_model, new() { TextDropout = 0.1, ImageDropout = 0.2, BothDropout = 0.3 });
        (bool Text, bool Image)[] dropped = [.. Enumerable.Range(1, 4000).SelectMany(step => trainer.Dropped(new TrainingDraws(7), step, 0, 4))];
        // Four standard deviations of a share of 16,000.
        Assert.InRange(dropped.Average(d => d.Text && !d.Image ? 1.0 : 0), 0.1 - 0.0095, 0.1 + 0.0095);
        Assert.InRange(dropped.Average(d => d.Image && !d.Text ? 1.0 : 0), 0.2 - 0.0127, 0.2 + 0.0127);
        Assert.InRange(dropped.Average(d => d.Text && d.Image ? 1.0 : 0), 0.3 - 0.0145, 0.3 + 0.0145);
    }

    [Fact]
    public void An_offset_shifts_the_noise_of_whole_channels_of_each_row()
    {
        using DisposeScope scope = NewDisposeScope();
        var draws = new TrainingDraws(7);
        Tensor plain = new PatchDpoTrainer(_model).Noise(draws, 3, 1, 2, [4, 8, 8]);
        Tensor shifted = new PatchDpoTrainer(_model, new() { NoiseOffset = 0.5 }).Noise(draws, 3, 1, 2, [4, 8, 8]);
        Tensor offset = (shifted - plain) / 0.5;
        Fixtures.AssertClose(offset, offset.mean([2, 3], keepdim: true).expand_as(offset), 1e-5, "one number a channel");
        Assert.Equal(8, offset.mean([2, 3]).data<float>().ToArray().Distinct().Count());
        // Those of a row are its own, whatever batch it is in.
        Fixtures.AssertClose(new PatchDpoTrainer(_model, new() { NoiseOffset = 0.5 }).Noise(draws, 3, 2, 1, [4, 8, 8]), shifted[1..], 1e-6, "row");
        Tensor many = new PatchDpoTrainer(_model, new() { NoiseOffset = 1 }).Noise(draws, 1, 0, 4000, [4, 1, 1]);
        // Of two unit variances; four standard deviations of the estimate.
        Assert.InRange(many.var().item<float>(), 2 - 0.09f, 2 + 0.09f);
    }

    [Fact]
    public void Official_time_ids_change_the_training()
    {
        using AdapterLayers intended = Train(new() { MaxSteps = 2 }), official = Train(new() { MaxSteps = 2, OfficialTimeIds = true });
        Assert.NotEqual(Bytes(intended), Bytes(official));
    }

    [Fact]
    public void Quality_maps_of_any_grid_weigh_the_right_half_of_the_batch()
    {
        using DisposeScope scope = NewDisposeScope();
        var objective = new WeightedErrorObjective(TrainingObjective.PatchDpo, new WeightMapOptions(), _model.Schedule, null);
        TrainingPair pair = new("a", TinyModelFixture.Image(1), TinyModelFixture.Image(2), Map(0.25f), Map(0.75f, 3));
        Tensor weights = objective.FitWeights([pair.ReferenceQuality, pair.GeneratedQuality])([PairRecord.Of(pair)], 8, 8);
        Assert.Equal([1, 2, 8, 8], weights.shape);
        Fixtures.AssertClose(weights[0, 0], full([8, 8], 0.75f), 1e-6, "1 - p(x_ref)");
        Fixtures.AssertClose(weights[0, 1], full([8, 8], 0.75f), 1e-6, "p(x_gen)");
    }

    private static QualityMap Map(float value, int side = 2) => new(side, side, [.. Enumerable.Repeat(value, side * side)]);

    private static TrainingPair[] Pairs() => [.. Enumerable.Range(0, 3).Select(i => new TrainingPair(
        $"a thing {i % 2}", TinyModelFixture.Image(i), TinyPersonalizedModel.Image(10 + i, 48, 40), Map(0.2f + (0.1f * i)), Map(0.9f - (0.1f * i), 3)))];

    private AdapterLayers Train(PatchDpoTrainerOptions options) => new PatchDpoTrainer(_model, options).Train(Pairs());

    private static byte[] Bytes(AdapterLayers layers) => [.. layers.state_dict().OrderBy(t => t.Key, StringComparer.Ordinal)
        .SelectMany(t => t.Value.bytes.ToArray())];
}
