using PatchDpo.Torch.Loop;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Loop;

public class TrainingLoopTests
{
    private static readonly TrainingDraws Draws = new(3);
    private static readonly TrainingLoopOptions Options = new() { MaxSteps = 8, LearningRate = step => 0.05 / step };

    [Fact]
    public void Equals_PyTorchs_AdamW_with_the_steps_rates_to_the_last_bit()
    {
        using DisposeScope scope = NewDisposeScope();
        (string, Parameter)[] ours = Make(), theirs = Make();
        using (var loop = new TrainingLoop(ours, Options))
            loop.Run((step, _) => Loss(ours, step, 0, 4));
        using AdamW reference = optim.AdamW(theirs.Select(p => p.Item2), 1, weight_decay: 0.01);
        for (int step = 1; step <= 8; step++)
        {
            foreach (optim.ILearningRateController? group in reference.ParamGroups)
                group.LearningRate = Options.LearningRate(step);
            reference.zero_grad();
            Loss(theirs, step, 0, 4).backward();
            reference.step();
        }
        Assert.Equal(Values(theirs), Values(ours));
    }

    // Without care libtorch crashes in the first rounds, on a processor with AVX-512.
    [Fact]
    public void Trainings_of_the_same_shapes_may_begin_at_the_same_moment()
    {
        for (int round = 0; round < 20; round++)
        {
            int side = 5 + round;
            using var together = new Barrier(2);
            double[][] trained = new double[2][];
            Thread[] threads = [.. Enumerable.Range(0, 2).Select(i => new Thread(() => trained[i] = Train(side, together)))];
            foreach (Thread thread in threads)
                thread.Start();
            foreach (Thread thread in threads)
                thread.Join();
            Assert.All(trained[0].Zip(trained[1]), p => Assert.Equal(p.First, p.Second, 1e-5));
        }

        // A convolution's input whose channels lie last, as attention leaves them, and that has gradients itself.
        static double[] Train(int side, Barrier together)
        {
            using DisposeScope scope = NewDisposeScope();
            using IDisposable grad = enable_grad();
            (string, Parameter)[] parameters = [("input", new Parameter(ones(4, side, side, 24))), ("kernel", new Parameter(ones(40, 24, 3, 3)))];
            using var loop = new TrainingLoop(parameters, Options with { MaxSteps = 3 });
            loop.Run((_, _) =>
            {
                Tensor result = nn.functional.conv2d(parameters[0].Item2.permute(0, 3, 1, 2), parameters[1].Item2, padding: [1, 1]).mean();
                together.SignalAndWait();
                return result;
            });
            return Values(parameters);
        }
    }

    [Fact]
    public void Accumulated_batches_give_the_step_of_one_that_holds_them_all()
    {
        using DisposeScope scope = NewDisposeScope();
        (string, Parameter)[] whole = Make(), parts = Make();
        List<double> wholeLosses = [], partLosses = [];
        // With a large epsilon, gradients twice as large give other steps.
        TrainingLoopOptions options = Options with { AdamW = new() { Epsilon = 0.1 } };
        using (var loop = new TrainingLoop(whole, options))
            loop.Run((step, _) => Loss(whole, step, 0, 4), done => wholeLosses.Add(done.Loss));
        using (var loop = new TrainingLoop(parts, options with { Accumulation = 2 }))
            loop.Run((step, part) => Loss(parts, step, 2 * part, 2), done => partLosses.Add(done.Loss));
        Assert.All(Values(whole).Zip(Values(parts)), p => Assert.Equal(p.First, p.Second, 1e-5));
        Assert.All(wholeLosses.Zip(partLosses), p => Assert.Equal(p.First, p.Second, 1e-5));
    }

    [Theory]
    [InlineData(0.01)]
    [InlineData(1e6)]
    public void Gradients_are_clipped_as_PyTorch_clips_them(double most)
    {
        using DisposeScope scope = NewDisposeScope();
        (string, Parameter)[] ours = Make(), theirs = Make();
        double? norm = null;
        using var loop = new TrainingLoop(ours, Options with { MaxSteps = 1, MaxGradientNorm = most });
        loop.Run((step, _) => Loss(ours, step, 0, 4), done => norm = done.GradientNorm);
        Loss(theirs, 1, 0, 4).backward();
        double expected = nn.utils.clip_grad_norm_(theirs.Select(p => p.Item2), most);
        Assert.Equal(expected, norm!.Value, 1e-5);
        foreach (((_, Parameter a), (_, Parameter b)) in ours.Zip(theirs))
            Fixtures.AssertClose(a.grad!, b.grad!, 1e-7, "clipped gradient");
    }

    [Fact]
    public void Resumes_to_the_last_bit()
    {
        using DisposeScope scope = NewDisposeScope();
        TrainingLoopOptions options = Options with { Accumulation = 2, MaxGradientNorm = 1, EmaDecay = 0.9 };
        (string, Parameter)[] straight = Make(), broken = Make(), resumed = [.. Make().Select(p => (p.Name, new Parameter(zeros_like(p.Value))))];
        using (var loop = new TrainingLoop(straight, options))
        {
            loop.Run((step, part) => Loss(straight, step, 2 * part, 2));
            loop.UseAverage();
        }

        TrainingState? saved = null;
        using (var loop = new TrainingLoop(broken, options))
        {
            loop.Run((step, part) => Loss(broken, step, 2 * part, 2), done => saved = done.Step == 3 ? loop.State.Copy() : saved);
        }

        List<int> steps = [];
        using (var loop = new TrainingLoop(resumed, options))
        {
            loop.Restore(saved!);
            loop.Run((step, part) => Loss(resumed, step, 2 * part, 2), done => steps.Add(done.Step));
            loop.UseAverage();
        }
        saved!.Dispose();
        Assert.Equal([4, 5, 6, 7, 8], steps);
        Assert.Equal(Values(straight), Values(resumed));
    }

    [Fact]
    public void The_state_names_everything_and_only_its_own_is_taken_back()
    {
        using DisposeScope scope = NewDisposeScope();
        (string, Parameter)[] parameters = Make();
        using var loop = new TrainingLoop(parameters, Options with { EmaDecay = 0.5 });
        loop.Run((step, _) => Loss(parameters, step, 0, 4));
        TrainingState state = loop.State;
        Assert.Equal(["ema.a", "ema.b", "exp_avg.a", "exp_avg.b", "exp_avg_sq.a", "exp_avg_sq.b", "parameter.a", "parameter.b"],
            state.Tensors.Keys.Order(StringComparer.Ordinal));
        Assert.All(state.Tensors.Values, t => Assert.NotEqual(0, t.abs().sum().item<float>()));
        Assert.Equal([("step", 8L), ("step.a", 8L), ("step.b", 8L)], state.Numbers.Select(n => (n.Key, n.Value)));

        using var other = new TrainingLoop(Make(), Options);
        Assert.Contains("'ema.a'", Assert.Throws<ArgumentException>(() => other.Restore(state)).Message, StringComparison.Ordinal);
        Assert.Contains("'ema.a'", Assert.Throws<ArgumentException>(() => loop.Restore(other.State)).Message, StringComparison.Ordinal);
        Assert.Contains("'step'", Assert.Throws<ArgumentException>(() => loop.Restore(state with { Numbers = new Dictionary<string, long>() })).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_loss_that_is_not_finite_changes_nothing_and_names_step_and_cause()
    {
        using DisposeScope scope = NewDisposeScope();
        (string, Parameter)[] parameters = Make();
        using var loop = new TrainingLoop(parameters, Options);
        double[]? before = null;
        NonFiniteLossException error = Assert.Throws<NonFiniteLossException>(() => loop.Run(
            (step, _) => Loss(parameters, step, 0, 4) * (step == 3 ? float.NaN : 1), done => before = Values(parameters), () => "The moon was full."));
        Assert.Equal(3, error.Step);
        Assert.EndsWith("The moon was full.", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, Values(parameters));
        Assert.Equal(2, loop.Steps);
    }

    [Fact]
    public void Gradients_that_are_not_finite_are_told_and_not_taken()
    {
        using DisposeScope scope = NewDisposeScope();
        Parameter parameter = new(zeros(1));
        using var loop = new TrainingLoop([("a", parameter)], Options);
        // The root is 0 and its slope infinite.
        NonFiniteLossException error = Assert.Throws<NonFiniteLossException>(() => loop.Run((_, _) => parameter.sqrt().sum()));
        Assert.Equal((1, 0.0), (error.Step, error.Loss));
        Assert.Contains("gradients are not finite", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, parameter.item<float>());
    }

    [Fact]
    public void Weights_that_the_last_step_leaves_must_be_finite()
    {
        using DisposeScope scope = NewDisposeScope();
        Parameter parameter = new(ones(1));
        using var loop = new TrainingLoop([("a", parameter)], Options with { MaxSteps = 1, LearningRate = _ => 1e37, AdamW = new() { WeightDecay = 10 } });
        Assert.Equal(2, Assert.Throws<NonFiniteLossException>(() => loop.Run((_, _) => parameter.sum())).Step);
    }

    [Fact]
    public void Cancellation_is_looked_at_before_each_step()
    {
        using DisposeScope scope = NewDisposeScope();
        (string, Parameter)[] parameters = Make();
        using var source = new CancellationTokenSource();
        using var loop = new TrainingLoop(parameters, Options);
        Assert.Throws<OperationCanceledException>(() => loop.Run((step, _) => Loss(parameters, step, 0, 4), done =>
        {
            if (done.Step == 2)
                source.Cancel();
        }, cancellationToken: source.Token));
        Assert.Equal(2, loop.Steps);
    }

    [Theory]
    [InlineData(null, 0)]
    [InlineData(5.0, 1)]
    public void A_spike_changes_nothing_where_it_is_guarded_against(double? factor, int spikes)
    {
        using DisposeScope scope = NewDisposeScope();
        Parameter parameter = new(ones(1));
        using var loop = new TrainingLoop([("a", parameter)], Options with { MaxSteps = 30, LearningRate = _ => 1e-3, SpikeFactor = factor });
        List<(TrainingLoopStep Done, float Value)> steps = [];
        // Gradients of 1, but for one that is ten times as long, and one that is four times.
        loop.Run((step, _) => parameter.sum() * (step == 25 ? 10 : step == 28 ? 4 : 1), done => steps.Add((done, parameter.item<float>())));
        Assert.Equal(spikes, steps.Count(s => s.Done.IsSpike));
        Assert.Equal(spikes == 1, steps[24].Done.IsSpike);
        Assert.Equal(spikes == 1, steps[24].Value == steps[23].Value);
        Assert.Equal(10, steps[24].Done.GradientNorm, 1e-5);
        Assert.All(steps.Zip(steps.Skip(1)).Where(p => !p.Second.Done.IsSpike), p => Assert.NotEqual(p.First.Value, p.Second.Value));
    }

    [Fact]
    public void The_spike_guards_memory_is_part_of_the_state()
    {
        using DisposeScope scope = NewDisposeScope();
        TrainingLoopOptions options = Options with { MaxSteps = 40, LearningRate = _ => 1e-3, SpikeFactor = 3 };
        Parameter straight = new(ones(1)), resumed = new(ones(1));
        Assert.Equal([30], Spikes(straight, null, out TrainingState? saved));
        Assert.Equal([30], Spikes(resumed, saved, out _));
        Assert.Equal(straight.item<float>(), resumed.item<float>());
        saved!.Dispose();

        List<int> Spikes(Parameter parameter, TrainingState? from, out TrainingState? saved)
        {
            List<int> spikes = [];
            TrainingState? kept = null;
            using var loop = new TrainingLoop([("a", parameter)], options);
            if (from is not null)
                loop.Restore(from);
            loop.Run((step, _) => parameter.sum() * (step == 30 ? 3.6 : 1 + (0.1 * (step % 3))), done =>
            {
                if (done.IsSpike)
                    spikes.Add(done.Step);
                if (done.Step == 25 && from is null)
                    kept = loop.State.Copy();
            });
            saved = kept;
            return spikes;
        }
    }

    [Fact]
    public void Leaves_nothing_behind()
    {
        using DisposeScope scope = NewDisposeScope();
        (string, Parameter)[] parameters = Make();
        LeakCheck.Run(() =>
        {
            using var loop = new TrainingLoop(parameters, Options with { Accumulation = 2, MaxGradientNorm = 1, EmaDecay = 0.9 });
            loop.Run((step, part) => Loss(parameters, step, 2 * part, 2));
            loop.UseAverage();
            using TrainingState copy = loop.State.Copy();
            loop.Restore(copy);
        });
    }

    private static Tensor Loss((string Name, Parameter Value)[] parameters, int step, int first, int rows)
    {
        Tensor target = Draws.Normal(TrainingDraw.Noise, step, first, rows, [3, 5]);
        return ((parameters[0].Value * parameters[1].Value) - target).square().mean();
    }

    private static (string Name, Parameter Value)[] Make()
        => [("a", new Parameter(linspace(-1, 1, 15).reshape(3, 5))), ("b", new Parameter(linspace(2, 3, 5)))];

    private static double[] Values((string Name, Parameter Value)[] parameters)
        => [.. parameters.SelectMany(p => p.Value.data<float>().ToArray()).Select(x => (double)x)];
}
