using PatchDpo.Torch.Loop;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Loop;

public class MasterWeightsTests
{
    private static readonly TrainingLoopOptions Options = new() { MaxSteps = 30, LearningRate = _ => 1e-4, AdamW = new() { WeightDecay = 0 } };

    [Fact]
    public void Steps_that_bfloat16_cannot_tell_apart_add_up()
    {
        using DisposeScope scope = NewDisposeScope();
        using Linear module = nn.Linear(4, 3);
        using (no_grad())
            module.weight.fill_(1);
        using (var master = new MasterWeights([module]))
        {
            Assert.Equal(ScalarType.BFloat16, module.weight.dtype);
            using var loop = new TrainingLoop(master, Options);
            loop.Run((_, _) => module.forward(ones([2, 4], ScalarType.BFloat16)).to(ScalarType.Float32).mean());
            master.Finish();
        }
        Assert.Equal(ScalarType.Float32, module.weight.dtype);
        // Each step takes 1e-4 away; bfloat16's numbers below 1 lie 4e-3 apart, so that alone it would stay at 1.
        Fixtures.AssertClose(module.weight, full_like(module.weight, 1 - (30 * 1e-4f)), 1e-6, "weight");
    }

    [Fact]
    public void The_average_and_the_last_weights_reach_the_modules_and_a_state_resumes_them()
    {
        using DisposeScope scope = NewDisposeScope();
        TrainingLoopOptions options = Options with { LearningRate = _ => 0.05, MaxSteps = 6, EmaDecay = 0.9, Accumulation = 2 };
        using Linear straight = Module(), resumed = Module();
        using TrainingState saved = Train(straight, null);
        Train(resumed, saved).Dispose();
        Assert.Equal(straight.weight.data<float>().ToArray(), resumed.weight.data<float>().ToArray());

        TrainingState Train(Linear module, TrainingState? from)
        {
            using var master = new MasterWeights([module]);
            using var loop = new TrainingLoop(master, options);
            TrainingState? kept = null;
            if (from is not null)
                loop.Restore(from);
            loop.Run((step, part) => module.forward(Input(step, part)).to(ScalarType.Float32).square().mean(), done => kept = done.Step == 3
                ? loop.State.Copy() : kept);
            Fixtures.AssertClose(module.weight.to(ScalarType.Float32), master.Values[0].Value, 0.01, "live weight");
            float[] last = module.weight.to(ScalarType.Float32).data<float>().ToArray();
            loop.UseAverage();
            Assert.NotEqual(last, module.weight.to(ScalarType.Float32).data<float>().ToArray());
            master.Finish();
            return kept ?? loop.State.Copy();
        }

        static Tensor Input(int step, int part) => new TrainingDraws(1).Normal(TrainingDraw.Noise, step, 4 * part, 4, [4]).to(ScalarType.BFloat16);
    }

    [Fact]
    public void Leaves_nothing_behind()
    {
        using DisposeScope scope = NewDisposeScope();
        using Linear module = Module();
        LeakCheck.Run(() =>
        {
            using var master = new MasterWeights([module]);
            using var loop = new TrainingLoop(master, Options with { MaxSteps = 2 });
            loop.Run((_, _) => module.forward(ones([2, 4], ScalarType.BFloat16)).to(ScalarType.Float32).mean());
            master.Finish();
        });
    }

    private static Linear Module()
    {
        Linear module = nn.Linear(4, 3);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        module.weight.copy_(linspace(-1, 1, 12).reshape(3, 4));
        module.bias!.zero_();
        return module;
    }
}
