using PatchDpo.Torch.Loop;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Loop;

public class AdamWOptimizerTests
{
    [Theory]
    [InlineData(1e-3, 0.9, 0.999, 1e-8, 0.01)]
    [InlineData(0.3, 0.5, 0.99, 1e-4, 0.2)]
    public void Equals_PyTorchs_AdamW_to_the_last_bit(double rate, double beta1, double beta2, double epsilon, double decay)
    {
        using DisposeScope scope = NewDisposeScope();
        using Generator generator = new(7, CPU);
        Parameter[] ours = Make(), theirs = Make();
        using var optimizer = new AdamWOptimizer(ours, rate, beta1, beta2, epsilon, decay);
        using AdamW reference = optim.AdamW(theirs, rate, beta1, beta2, epsilon, decay);

        for (int step = 0; step < 20; step++)
        {
            optimizer.LearningRate = rate * (step + 1);
            foreach (optim.ILearningRateController? group in reference.ParamGroups)
                group.LearningRate = rate * (step + 1);
            using Tensor target = randn(3, 5, generator: generator);
            foreach ((Parameter[] parameters, Action zero, Action update) in new[] { (ours, (Action)optimizer.ZeroGradients, (Action)optimizer.Step),
                (theirs, () => reference.zero_grad(), () => reference.step()) })
            {
                zero();
                ((parameters[0] * parameters[1]) - target).square().sum().backward();
                update();
            }
        }

        Assert.All(ours.Zip(theirs), p => Assert.Equal(p.Second.data<float>().ToArray(), p.First.data<float>().ToArray()));

        static Parameter[] Make() => [new Parameter(linspace(-1, 1, 15).reshape(3, 5)), new Parameter(linspace(2, 3, 5)), new Parameter(ones(4))];
    }

    [Fact]
    public void A_parameter_without_a_gradient_stays_as_it_is()
    {
        using Parameter unused = new(ones(2)), used = new(ones(2));
        using var optimizer = new AdamWOptimizer([unused, used], 0.1);
        used.sum().backward();
        optimizer.Step();
        Assert.Equal([1f, 1f], unused.data<float>().ToArray());
        Assert.NotEqual(1f, used.data<float>()[0]);
    }

    [Fact]
    public void Leaves_nothing_behind() => LeakCheck.Run(() =>
    {
        using Parameter used = new(ones(2));
        using var optimizer = new AdamWOptimizer([used], 0.1);
        using (DisposeScope scope = NewDisposeScope())
            used.sum().backward();
        optimizer.Step();
        optimizer.ZeroGradients();
    });
}
