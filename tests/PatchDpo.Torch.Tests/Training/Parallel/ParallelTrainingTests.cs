using PatchDpo.Tests;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Loop;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Training.Data;
using PatchDpo.Torch.Training.Objectives;
using PatchDpo.Torch.Training.Parallel;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Training.Parallel;

/// <summary>Several processes take the steps of one; here they are threads, in PatchDpo.Mpi.Tests processes.</summary>
public sealed class ParallelTrainingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _model;

    public ParallelTrainingTests() => _model = TinyPersonalizedModel.Write(_folder.File("model"));

    public void Dispose() => _folder.Dispose();

    public static TheoryData<int, int, int, TrainingObjective> Cases => new()
    {
        { 1, 4, 1, TrainingObjective.PatchDpo },
        { 2, 2, 1, TrainingObjective.PatchDpo },
        { 2, 2, 2, TrainingObjective.PatchDpo },
        { 3, 1, 1, TrainingObjective.PatchDpo },
        { 3, 2, 1, TrainingObjective.DiffusionDpo },
        // More than there are pairs: a step takes all of them, and the ranks have one, two and two.
        { 3, 4, 1, TrainingObjective.PatchDpo },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void N_processes_take_the_steps_of_one_with_N_times_the_batch(int size, int batch, int accumulation, TrainingObjective objective)
    {
        // The default beta of Diffusion-DPO multiplies what rounds by thousands.
        PatchDpoTrainerOptions options = Options(batch) with
        {
            GradientAccumulation = accumulation,
            Objective = objective,
            DiffusionDpoBeta = 1,
        };
        (float[] Weights, float[] Losses)[] parts = Train(size, options);
        (float[] weights, float[] losses) = TrainAlone(options with { BatchSize = batch * size });
        // The processes have the same bits, and those of one process but for the order of sums.
        Assert.All(parts, p => Assert.Equal(parts[0].Weights, p.Weights));
        Assert.All(parts, p => Assert.Equal(parts[0].Losses, p.Losses));
        AssertClose(weights, parts[0].Weights, 1e-6);
        AssertClose(losses, parts[0].Losses, 1e-6);
        Assert.NotEqual(weights, TrainAlone(options with { MaxSteps = 1 }).Weights);
        if (size == 1)
            Assert.Equal(weights, parts[0].Weights);
    }

    [Theory]
    [InlineData(2, 3)]
    [InlineData(3, 1)]
    [InlineData(1, 2)]
    public void A_state_is_gone_on_from_with_another_number_of_processes(int before, int after)
    {
        const int Rows = 6;
        PatchDpoTrainerOptions options = Options(Rows) with { MaxGradientNorm = 1, EmaDecay = 0.9, SpikeFactor = 10, LearningRateSchedule = new() { WarmupSteps = 2 } };
        float[] straight = TrainAlone(options with { MaxSteps = 6 }).Weights;
        options = options with { State = new() { Folder = _folder.File($"state-{before}-{after}"), Interval = 3 } };
        Train(before, options with { MaxSteps = 3, BatchSize = Rows / before });
        (float[] Weights, float[] Losses)[] resumed = Train(after, options with { MaxSteps = 6, BatchSize = Rows / after });
        Assert.All(resumed, r => Assert.Equal(3, r.Losses.Length));
        Assert.All(resumed, r => Assert.Equal(resumed[0].Weights, r.Weights));
        AssertClose(straight, resumed[0].Weights, 1e-6);
        Assert.Equal([3, 6], Directory.GetDirectories(options.State.Folder).Select(f => int.Parse(Path.GetFileName(f)["step-".Length..])).Order());
    }

    [Fact]
    public void The_best_layers_which_the_first_process_found_are_what_all_give()
    {
        ((float[] Weights, int? Steps) Result, Exception? Fault)[] ends = ThreadGroup.Run(2, group =>
        {
            using PersonalizedModel model = PersonalizedModel.Load(_model);
            using IVisionEncoder encoder = PatchEncoder.LoadEmbedded();
            using AdapterLayers tuned = new PatchDpoTrainer(model, Options(1) with
            {
                LearningRate = 0.1,
                Processes = group,
                Probe = new()
                {
                    Rows = [new("one", "a red thing", [TinyPersonalizedModel.Image(5)])],
                    Evaluator = new PersonalizationEvaluator(null, null, new PatchQualityEstimator(encoder)),
                    Every = 1,
                    Generation = new() { Steps = 2 },
                    GivesBest = true,
                },
            }).Train(Pairs());
            return (WeightsOf(tuned), tuned.TrainedSteps);
        });
        Assert.All(ends, e => Assert.Null(e.Fault));
        Assert.Equal(ends[0].Result.Weights, ends[1].Result.Weights);
        Assert.Equal(ends[0].Result.Steps, ends[1].Result.Steps);
        // Else the last layers would do.
        Assert.InRange(ends[0].Result.Steps!.Value, 0, 4);
    }

    [Fact]
    public void A_process_that_cannot_take_a_step_tells_the_others_which_one_it_is_and_why()
    {
        (object? _, Exception? fault)[] ends = ThreadGroup.Run(3, group =>
        {
            using PersonalizedModel model = PersonalizedModel.Load(_model);
            int reports = 0;
            PreparedPairs? pairs = null;
            // Rank 1 loses its memory of what a step needs, in the middle of the training.
            var trainer = new PatchDpoTrainer(model, Options(1) with
            {
                MaxSteps = 5,
                Processes = group,
                Progress = new DirectProgress<TrainingProgress>(_ => Break(++reports)),
            });
            using (pairs = trainer.Prepare(Pairs()))
                trainer.Train(pairs).Dispose();
            return new object();

            void Break(int steps)
            {
                if (group.Rank == 1 && steps == 2)
                    pairs!.Dispose();
            }
        });
        Assert.IsType<ObjectDisposedException>(ends[1].fault);
        foreach (int other in new[] { 0, 2 })
        {
            RankFailedException failed = Assert.IsType<RankFailedException>(ends[other].fault);
            Assert.Equal(1, failed.Rank);
            Assert.Contains(nameof(PreparedPairs), failed.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_loss_that_is_not_finite_in_one_process_is_no_step_in_any()
    {
        (float[]? Weights, Exception? Fault)[] ends = ThreadGroup.Run(2, group =>
        {
            using var weight = new TorchSharp.Modules.Parameter(ones(3));
            using var loop = new TrainingLoop([("weight", weight)], new TrainingLoopOptions
            {
                MaxSteps = 4,
                LearningRate = _ => 0.1,
                Peers = new StepExchange(group, 0.5),
            });
            Exception? fault = Record.Exception(() => loop.Run((step, _) => step == 3 && group.Rank == 1 ? weight.sum() / 0.0 : weight.sum()));
            Assert.Equal(2, loop.Steps);
            Assert.True(group.Rank == 1 ? fault is NonFiniteLossException { Step: 3 } : fault is RankFailedException { Rank: 1 }, $"{fault}");
            return weight.data<float>().ToArray();
        });
        Assert.All(ends, e => Assert.Null(e.Fault));
        Assert.Equal(ends[0].Weights, ends[1].Weights);
        Assert.All(ends[0].Weights!, w => Assert.InRange(w, 0.7, 0.9));
    }

    [Fact]
    public void Gradients_that_are_not_finite_in_one_process_are_its_own_fault()
    {
        (object? _, Exception? Fault)[] ends = ThreadGroup.Run(2, group =>
        {
            using var weight = new TorchSharp.Modules.Parameter(zeros(3));
            using var loop = new TrainingLoop(
                [("weight", weight)], new TrainingLoopOptions { MaxSteps = 1, LearningRate = _ => 0.1, Peers = new StepExchange(group, 0.5) });
            // The root's slope at 0 is infinite.
            loop.Run((_, _) => group.Rank == 0 ? weight.sqrt().sum() : weight.sum());
            return new object();
        });
        Assert.IsType<NonFiniteLossException>(ends[0].Fault);
        Assert.Equal(0, Assert.IsType<RankFailedException>(ends[1].Fault).Rank);
    }

    [Fact]
    public void All_stop_at_the_same_step_where_one_is_cancelled_and_the_state_is_kept()
    {
        string state = _folder.File("state-cancelled");
        (object? _, Exception? Fault)[] ends = ThreadGroup.Run(2, group =>
        {
            using PersonalizedModel model = PersonalizedModel.Load(_model);
            using var stop = new CancellationTokenSource();
            new PatchDpoTrainer(model, Options(1) with
            {
                MaxSteps = 9,
                Processes = group,
                State = new() { Folder = state },
                Progress = new DirectProgress<TrainingProgress>(p =>
                {
                    if (group.Rank == 1 && p.Step == 4)
                        stop.Cancel();
                }),
            }).Train(Pairs(), stop.Token).Dispose();
            return new object();
        });
        Assert.All(ends, e => Assert.IsAssignableFrom<OperationCanceledException>(e.Fault));
        Assert.Equal(4, new TrainingStateOptions { Folder = state }.FindLastStep());
    }

    [Fact]
    public void Other_options_data_or_models_on_a_rank_are_refused_before_the_first_step_and_named_on_all()
    {
        string other = TinyPersonalizedModel.Write(_folder.File("other"), seed: 2);
        AssertMismatch("Seed: 42, there 7", (_, options) => options with { Seed = 7 });
        AssertMismatch("SHA-256 of pairs: ", (_, options) => options, pairs: Pairs().Reverse());
        AssertMismatch("SHA-256 of generator ", (_, options) => options, model: other);

        void AssertMismatch(
            string difference, Func<int, PatchDpoTrainerOptions, PatchDpoTrainerOptions> change, IEnumerable<TrainingPair>? pairs = null, string? model = null)
        {
            (object? _, Exception? Fault)[] ends = ThreadGroup.Run(3, group =>
            {
                bool isOther = group.Rank == 2;
                using PersonalizedModel own = PersonalizedModel.Load(isOther ? model ?? _model : _model);
                PatchDpoTrainerOptions options = Options(1) with { Processes = group, Progress = new DirectProgress<TrainingProgress>(_ => Assert.Fail("A step.")) };
                new PatchDpoTrainer(own, isOther ? change(2, options) : options).Train(isOther ? pairs ?? Pairs() : Pairs()).Dispose();
                return new object();
            });
            foreach ((_, Exception? fault) in ends)
            {
                RankMismatchException mismatch = Assert.IsType<RankMismatchException>(fault);
                Assert.Equal(2, mismatch.Rank);
                Assert.Contains(difference, mismatch.Differences, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void Another_version_of_the_library_on_a_rank_is_named()
    {
        (object? _, Exception? Fault)[] ends = ThreadGroup.Run(2, group =>
        {
            RankAgreement.Require(group, new Dictionary<string, string> { ["PatchDpo.Torch"] = $"1.{group.Rank}", ["Seed"] = "1" });
            return new object();
        });
        Assert.All(ends, e => Assert.Equal("PatchDpo.Torch: 1.0, there 1.1", Assert.IsType<RankMismatchException>(e.Fault).Differences));
    }

    [Fact]
    public void More_processes_than_pairs_are_refused()
    {
        (object? _, Exception? Fault)[] ends = ThreadGroup.Run(6, group =>
        {
            using PersonalizedModel model = PersonalizedModel.Load(_model);
            new PatchDpoTrainer(model, Options(1) with { Processes = group }).Train(Pairs()).Dispose();
            return new object();
        });
        Assert.All(ends, e => Assert.Contains("6 processes cannot train on 5 pairs", Assert.IsType<ArgumentException>(e.Fault).Message, StringComparison.Ordinal));
    }

    [Fact]
    public void What_the_processes_tell_each_other_leaves_no_tensor_behind()
    {
        using var weight = new TorchSharp.Modules.Parameter(ones(4));
        using var unused = new TorchSharp.Modules.Parameter(ones(2));
        LeakCheck.Run(() =>
        {
            (object? _, Exception? Fault) end = ThreadGroup.Run(1, group =>
            {
                LeakCheck.Run(() =>
                {
                    using DisposeScope scope = NewDisposeScope();
                    var exchange = new StepExchange(group, 1);
                    weight.grad ??= ones(4);
                    Assert.Equal(2, exchange.Exchange(2, null, [weight, unused]));
                    Assert.Null(unused.grad);
                    RankAgreement.Require(group, new Dictionary<string, string> { ["a"] = "b" });
                });
                return new object();
            })[0];
            Assert.Null(end.Fault);
        });
    }

    private static PatchDpoTrainerOptions Options(int batch) => new() { MaxSteps = 5, BatchSize = batch, LearningRate = 1e-3, TextDropout = 0.2, ImageDropout = 0.2 };

    private (float[] Weights, float[] Losses)[] Train(int size, PatchDpoTrainerOptions options)
    {
        ((float[], float[]) Result, Exception? Fault)[] ends = ThreadGroup.Run(size, group => TrainAlone(options with { Processes = group }));
        Assert.All(ends, e => Assert.Null(e.Fault));
        return [.. ends.Select(e => e.Result)];
    }

    private (float[] Weights, float[] Losses) TrainAlone(PatchDpoTrainerOptions options)
    {
        using PersonalizedModel model = PersonalizedModel.Load(_model);
        List<float> losses = [];
        using AdapterLayers tuned = new PatchDpoTrainer(
            model, options with { Progress = new DirectProgress<TrainingProgress>(p => losses.Add(p.Loss)) }).Train(Pairs());
        return (WeightsOf(tuned), [.. losses]);
    }

    private static float[] WeightsOf(AdapterLayers layers)
        => [.. layers.state_dict().OrderBy(t => t.Key, StringComparer.Ordinal).SelectMany(t => t.Value.data<float>().ToArray())];

    private static TrainingPair[] Pairs() => [.. Enumerable.Range(0, 5).Select(i => new TrainingPair(
        $"a thing {i}", TinyPersonalizedModel.Image(i), TinyPersonalizedModel.Image(10 + i), Map(0.2f + (0.1f * i)), Map(0.9f - (0.1f * i))))];

    private static QualityMap Map(float value) => new(2, 2, [value, 1 - value, value, value]);

    private static void AssertClose(float[] expected, float[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        double worst = expected.Zip(actual, (a, b) => Math.Abs((double)a - b)).Max();
        Assert.True(worst <= tolerance, $"{worst} > {tolerance}");
    }
}
