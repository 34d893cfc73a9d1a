using PatchDpo.Tests;
using PatchDpo.Torch.Loop;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Loop;

public sealed class TrainingCheckpointsTests : IDisposable
{
    private static readonly TrainingDraws Draws = new(3);
    private static readonly TrainingLoopOptions Options = new() { MaxSteps = 8, LearningRate = step => 0.05 / step, EmaDecay = 0.9, Accumulation = 2 };

    private readonly TemporaryFolder _folder = new();

    private string State => _folder.File("state");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_training_that_is_cancelled_again_and_again_ends_with_the_bits_of_one_that_was_not()
    {
        using DisposeScope scope = NewDisposeScope();
        (string, Parameter)[] straight = Make(), broken = Make();
        using (var loop = new TrainingLoop(straight, Options))
        {
            loop.Run(Loss(straight));
            loop.UseAverage();
        }
        List<int> steps = [];
        for (int life = 0; life < 4; life++)
        {
            // Each life begins with other weights, which the checkpoint takes the place of.
            broken = [.. Make().Select(p => (p.Name, new Parameter(p.Value.detach() + life)))];
            if (life == 0)
                broken = Make();
            using TrainingCheckpoints checkpoints = Open();
            using var source = new CancellationTokenSource();
            using var loop = new TrainingLoop(broken, Options);
            int taken = 0;
            try
            {
                loop.Run(Loss(broken), done =>
                {
                    steps.Add(done.Step);
                    if (++taken == 2 && life < 3)
                        source.Cancel();
                }, checkpoints: checkpoints, cancellationToken: source.Token);
                loop.UseAverage();
            }
            catch (OperationCanceledException)
            {
                Assert.True(life < 3);
            }
        }
        Assert.Equal(Enumerable.Range(1, 8), steps);
        Assert.Equal(Values(straight), Values(broken));
    }

    [Fact]
    public void A_step_that_is_stopped_between_its_batches_is_not_taken_and_the_one_before_is_kept()
    {
        using DisposeScope scope = NewDisposeScope();
        (string, Parameter)[] parameters = Make();
        using var source = new CancellationTokenSource();
        double[] before = [];
        using (TrainingCheckpoints checkpoints = Open())
        {
            using var loop = new TrainingLoop(parameters, Options);
            Func<int, int, Tensor> loss = Loss(parameters);
            Assert.Throws<OperationCanceledException>(() => loop.Run((step, part) =>
            {
                if (step == 4 && part == 0)
                    source.Cancel();
                return loss(step, part);
            }, _ => before = Values(parameters), checkpoints: checkpoints, cancellationToken: source.Token));
        }
        Assert.Equal(before, Values(parameters));
        Assert.Equal(3, TrainingCheckpoints.LastRecord(State)!.Step);
    }

    [Fact]
    public void The_last_ones_and_every_so_many_th_are_kept_and_each_says_where_it_is()
    {
        using DisposeScope scope = NewDisposeScope();
        Train(new TrainingStateOptions { Folder = State, Interval = 1, KeepLast = 2, KeepEvery = 3 });
        Assert.Equal(["step-00000003", "step-00000006", "step-00000007", "step-00000008"],
            Directory.GetDirectories(State).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        CheckpointRecord record = TrainingCheckpoints.LastRecord(State)!;
        Assert.Equal((8, 80L, "1"), (record.Step, record.Position, record.Settings["Seed"]));
        Assert.Equal("8", record.Changeable["MaxSteps"]);
    }

    [Fact]
    public void What_is_due_is_the_interval_and_the_last_step()
    {
        using DisposeScope scope = NewDisposeScope();
        Train(new TrainingStateOptions { Folder = State, Interval = 3, KeepLast = 100 });
        Assert.Equal(["step-00000003", "step-00000006", "step-00000008"], Directory.GetDirectories(State).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Other_settings_are_refused_with_all_differences_and_the_names_of_what_may_change()
    {
        using DisposeScope scope = NewDisposeScope();
        Train(new TrainingStateOptions { Folder = State });
        TrainingStateMismatchException e = Assert.Throws<TrainingStateMismatchException>(() => TrainingCheckpoints.Open(
            new TrainingStateOptions { Folder = State }, new TrainingHeader(
                new Dictionary<string, string> { ["Seed"] = "2", ["Weights.Kind"] = "MinMax" }, new Dictionary<string, string> { ["MaxSteps"] = "9" }, 10)));
        Assert.Equal(["Rate: 0.05, now absent", "Seed: 1, now 2", "Weights.Kind: absent, now MinMax"], e.Changes);
        Assert.EndsWith("What may change: MaxSteps.", e.Message, StringComparison.Ordinal);
        // The lock is let go of.
        Open().Dispose();
    }

    [Fact]
    public void Fewer_steps_than_are_done_are_refused()
    {
        using DisposeScope scope = NewDisposeScope();
        Train(new TrainingStateOptions { Folder = State });
        (string, Parameter)[] parameters = Make();
        using TrainingCheckpoints checkpoints = Open();
        using var loop = new TrainingLoop(parameters, Options with { MaxSteps = 7 });
        Assert.Contains("step 8 already, but only 7", Assert.Throws<TrainingStateException>(
            () => loop.Run(Loss(parameters), checkpoints: checkpoints)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(TrainingCheckpoints.TensorFile)]
    [InlineData(TrainingCheckpoints.RecordFile)]
    public void A_damaged_checkpoint_is_named_and_the_one_before_takes_its_place(string file)
    {
        using DisposeScope scope = NewDisposeScope();
        Train(new TrainingStateOptions { Folder = State, Interval = 5 });
        string damaged = Path.Combine(State, "step-00000008", file);
        using (FileStream stream = File.OpenWrite(damaged))
            stream.SetLength(stream.Length / 2);
        TrainingStateException e = Assert.Throws<TrainingStateException>(() => Train(new TrainingStateOptions { Folder = State }));
        Assert.Equal(damaged, e.Path);
        Directory.Delete(Path.GetDirectoryName(damaged)!, recursive: true);
        List<int> steps = [];
        Train(new TrainingStateOptions { Folder = State }, steps);
        Assert.Equal([6, 7, 8], steps);
    }

    [Fact]
    public void What_a_killed_process_left_is_cleared_away_and_is_no_checkpoint()
    {
        using DisposeScope scope = NewDisposeScope();
        Train(new TrainingStateOptions { Folder = State, Interval = 5 });
        string left = Path.Combine(State, "step-00000009.tmp");
        Directory.CreateDirectory(left);
        File.WriteAllText(Path.Combine(left, TrainingCheckpoints.TensorFile), "half");
        Assert.Equal(8, TrainingCheckpoints.LastRecord(State)!.Step);
        Open().Dispose();
        Assert.False(Directory.Exists(left));
    }

    [Fact]
    public void A_second_training_with_the_folder_is_refused()
    {
        using TrainingCheckpoints first = Open();
        Assert.Contains("trains with", Assert.Throws<IOException>(Open).Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void A_full_disk_is_told_and_the_last_checkpoint_stays_whole()
    {
        using SmallDisk disk = SmallDisk.MountOrSkip(_folder.File("disk"), 64 * 1024);
        string state = Path.Combine(disk.Path, "state"), filler = Path.Combine(disk.Path, "filler");
        using DisposeScope scope = NewDisposeScope();
        (string, Parameter)[] parameters = Make();
        using (TrainingCheckpoints checkpoints = TrainingCheckpoints.Open(new TrainingStateOptions { Folder = state, Interval = 1, KeepLast = 1 }, Header))
        {
            using var loop = new TrainingLoop(parameters, Options);
            IOException e = Assert.Throws<IOException>(() => loop.Run(Loss(parameters), done =>
            {
                if (done.Step == 4)
                    Fill(filler);
            }, checkpoints: checkpoints));
            Assert.Contains("The checkpoint of step 5 could not be written", e.Message, StringComparison.Ordinal);
            Assert.Contains("the last one, of step 4, is whole", e.Message, StringComparison.Ordinal);
        }
        Assert.Equal("step-00000004", Path.GetFileName(Assert.Single(Directory.GetDirectories(state))));
        File.Delete(filler);
        List<int> steps = [];
        Train(new TrainingStateOptions { Folder = state }, steps);
        Assert.Equal([5, 6, 7, 8], steps);
    }

    [Fact]
    public void Weights_that_are_not_finite_are_never_saved()
    {
        using DisposeScope scope = NewDisposeScope();
        Parameter parameter = new(ones(1));
        using TrainingCheckpoints checkpoints = TrainingCheckpoints.Open(new TrainingStateOptions { Folder = State, Interval = 1 }, Header);
        using var loop = new TrainingLoop([("a", parameter)], Options with { LearningRate = _ => 1e37, AdamW = new() { WeightDecay = 10 } });
        Assert.Equal(2, Assert.Throws<NonFiniteLossException>(() => loop.Run((_, _) => parameter.sum(), checkpoints: checkpoints)).Step);
        Assert.Empty(Directory.GetDirectories(State));
    }

    [Fact]
    public void Saving_and_restoring_leaves_no_tensor_behind()
    {
        LeakCheck.Run(() =>
        {
            using DisposeScope scope = NewDisposeScope();
            Train(new TrainingStateOptions { Folder = _folder.File("leak"), Interval = 3 });
        });
    }

    [Fact]
    public void Of_two_best_checkpoints_that_a_kill_left_the_better_is_the_best_and_the_next_takes_both_places()
    {
        using DisposeScope scope = NewDisposeScope();
        using TrainingCheckpoints checkpoints = Open();
        using var loop = new TrainingLoop(Make(), Options);
        string first = Path.Combine(State, "best-00000000"), second = Path.Combine(State, "best-00000003"), aside = _folder.File("aside");
        Assert.Null(checkpoints.FindBest("m"));
        Save(0, 0.25);
        Directory.Move(first, aside);
        Save(3, 0.5);
        // As if the process had been killed between writing the one and removing the other, and while it wrote a third.
        Directory.Move(aside, first);
        Directory.CreateDirectory(Path.Combine(State, "best-00000005.tmp"));
        Assert.Equal((3, 0.5), checkpoints.FindBest("m") is { } best ? (best.Step, best.Value) : default);
        Assert.Null(checkpoints.FindBest("another measure"));
        Save(4, 0.75);
        Assert.Equal(["best-00000004", "best-00000005.tmp"], Directory.GetDirectories(State).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        Assert.Equal("result", File.ReadAllText(Path.Combine(State, "best-00000004", TrainingCheckpoints.ResultFile)));
        checkpoints.Dispose();
        using TrainingCheckpoints opened = Open();
        Assert.Equal(["best-00000004"], Directory.GetDirectories(State).Select(f => Path.GetFileName(f)));
        // Nothing is gone on from it: it is no last checkpoint.
        Assert.Null(TrainingCheckpoints.LastStep(State));
        File.WriteAllText(Path.Combine(State, "best-00000004", TrainingCheckpoints.BestFile), "{");
        Assert.Contains("best.json", Assert.Throws<TrainingStateException>(() => opened.FindBest("m")).Message, StringComparison.Ordinal);

        void Save(int step, double value) => checkpoints.SaveBest(
            loop, new BestRecord(step, "Metric", value, new Dictionary<string, double> { ["Metric"] = value }, "m"), stream => stream.Write("result"u8));
    }

    private static TrainingHeader Header { get; } = new(
        new Dictionary<string, string> { ["Seed"] = "1", ["Rate"] = "0.05" }, new Dictionary<string, string> { ["MaxSteps"] = "8" }, 10);

    private TrainingCheckpoints Open() => TrainingCheckpoints.Open(new TrainingStateOptions { Folder = State }, Header);

    private static void Train(TrainingStateOptions state, List<int>? steps = null)
    {
        (string, Parameter)[] parameters = Make();
        using TrainingCheckpoints checkpoints = TrainingCheckpoints.Open(state, Header);
        using var loop = new TrainingLoop(parameters, Options);
        loop.Run(Loss(parameters), done => steps?.Add(done.Step), checkpoints: checkpoints);
    }

    // As much as there is room for.
    private static void Fill(string path)
    {
        using FileStream stream = new(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        Assert.Throws<IOException>((Action)(() =>
        {
            for (; ; )
                stream.Write(new byte[1024]);
        }));
    }

    private static Func<int, int, Tensor> Loss((string Name, Parameter Value)[] parameters) => (step, part) =>
    {
        Tensor target = Draws.Normal(TrainingDraw.Noise, step, 2 * part, 2, [3, 5]);
        return ((parameters[0].Value * parameters[1].Value) - target).square().mean();
    };

    private static (string Name, Parameter Value)[] Make()
        => [("a", new Parameter(linspace(-1, 1, 15).reshape(3, 5))), ("b", new Parameter(linspace(2, 3, 5)))];

    private static double[] Values((string Name, Parameter Value)[] parameters)
        => [.. parameters.SelectMany(p => p.Value.data<float>().ToArray()).Select(x => (double)x)];
}
