using PatchDpo.Torch.Loop;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Loop;

public class WeightAverageTests
{
    [Fact]
    public void Follows_diffusers_EMAModel()
    {
        using DisposeScope scope = NewDisposeScope();
        Parameter parameter = new(tensor([1.0]));
        using var average = new WeightAverage([parameter], 0.25);
        double expected = 1;
        for (int step = 1; step <= 6; step++)
        {
            using (no_grad())
                parameter.copy_(tensor([(double)(step * step)]));
            average.Add(step);
            // get_decay: (1 + n) / (10 + n) of the n steps before, at most the given decay; 0 for none.
            double decay = step == 1 ? 0 : Math.Min(0.25, step / (9.0 + step));
            expected = (decay * expected) + ((1 - decay) * step * step);
            Assert.Equal(expected, average.Averages[0].item<double>(), 1e-12);
        }
        average.CopyToParameters();
        Assert.Equal(expected, parameter.item<double>(), 1e-12);
    }
}
