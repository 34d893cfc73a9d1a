using PatchDpo.Torch.Foundation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Foundation;

/// <summary>Channel counts that do not fill oneDNN's blocks: some processors take what lay in memory for the missing ones.</summary>
public class SafeConv2dTests
{
    [Theory]
    [InlineData(24, 16, 3, 1)]
    [InlineData(20, 16, 3, 1)]
    [InlineData(8, 8, 3, 1)]
    [InlineData(4, 8, 3, 2)]
    [InlineData(12, 40, 1, 1)]
    [InlineData(3, 6, 4, 4)]
    public void Values_and_gradients_are_those_of_the_sums_themselves(int inputs, int outputs, int kernel, int stride)
    {
        using DisposeScope scope = NewDisposeScope();
        using Generator generator = new(3, CPU);
        using SafeConv2d layer = new(inputs, outputs, kernel, stride, kernel == 3 ? 1 : 0);
        for (int round = 0; round < 4; round++)
        {
            Poison();
            Tensor x = randn([2, inputs, 8, 8], generator: generator).requires_grad_();
            Tensor expectedX = x.detach().to(ScalarType.Float64).requires_grad_(), expectedWeight = layer.Weight.detach().to(ScalarType.Float64)
                .requires_grad_();
            Tensor expected = Sums(expectedX, expectedWeight, layer.Bias!.detach().to(ScalarType.Float64), kernel, stride);
            expected.pow(2).sum().backward();
            layer.zero_grad();

            Tensor y = layer.call(x);
            y.pow(2).sum().backward();

            Close(expected, y);
            Close(expectedX.grad!, x.grad!);
            Close(expectedWeight.grad!, layer.Weight.grad!);
            Close(expected, layer.InWholeBlocks(x));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Begins_as_PyTorchs_and_has_its_keys(bool bias)
    {
        using DisposeScope scope = NewDisposeScope();
        random.manual_seed(5);
        using SafeConv2d ours = new(6, 4, 3, bias: bias);
        random.manual_seed(5);
        using Conv2d theirs = nn.Conv2d(6, 4, 3, bias: bias);
        Dictionary<string, Tensor> expected = theirs.state_dict(), found = ours.state_dict();
        Assert.Equal(expected.Keys.Order(), found.Keys.Order());
        Assert.All(expected, e => Assert.Equal(e.Value.data<float>().ToArray(), found[e.Key].data<float>().ToArray()));
    }

    [Fact]
    public void Leaves_nothing_behind()
    {
        using SafeConv2d layer = new(5, 3, 3);
        using Tensor x = ones(2, 5, 4, 4);
        // The processor is tried once, and what is made for that stays.
        layer.call(x).Dispose();
        LeakCheck.Run(() =>
        {
            using Tensor y = layer.call(x), z = layer.InWholeBlocks(x);
        });
    }

    private static Tensor Sums(Tensor x, Tensor weight, Tensor bias, int kernel, int stride)
    {
        Tensor columns = nn.functional.unfold(x, kernel, padding: kernel == 3 ? 1 : 0, stride: stride);
        long side = (8 + (kernel == 3 ? 2 : 0) - kernel) / stride + 1;
        return weight.view(weight.shape[0], -1).matmul(columns).view(x.shape[0], weight.shape[0], side, side) + bias.view(1, -1, 1, 1);
    }

    private static void Poison()
    {
        foreach (long size in new[] { 4096L, 8192, 4608, 2304, 9216 })
        {
            using Tensor nan = full([size], float.NaN);
        }
    }

    private static void Close(Tensor expected, Tensor found)
    {
        double difference = ((expected - found.to(ScalarType.Float64)).abs().max() / expected.abs().max()).item<double>();
        Assert.True(difference < 1e-5, $"{difference}");
    }
}
