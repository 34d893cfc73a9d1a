using PatchDpo.Torch.Foundation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Foundation;

/// <summary>Channel counts that do not fill oneDNN's blocks: some processors take what lay in memory for the missing ones.</summary>
public class ConvolutionsTests
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
        Conv2d layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel == 3 ? 1 : 0);
        for (int round = 0; round < 4; round++)
        {
            Poison();
            Tensor x = randn([2, inputs, 8, 8], generator: generator).requires_grad_();
            Tensor expectedX = x.detach().to(ScalarType.Float64).requires_grad_(), expectedWeight = layer.weight!.detach().to(ScalarType.Float64).requires_grad_();
            Tensor expected = Sums(expectedX, expectedWeight, layer.bias!.detach().to(ScalarType.Float64), kernel, stride);
            expected.pow(2).sum().backward();
            layer.zero_grad();

            Tensor y = layer.Convolve(x);
            y.pow(2).sum().backward();

            Close(expected, y);
            Close(expectedX.grad!, x.grad!);
            Close(expectedWeight.grad!, layer.weight!.grad!);
            Close(expected, Convolutions.InWholeBlocks(layer, x));
        }
    }

    [Fact]
    public void Leaves_nothing_behind() => LeakCheck.Run(() =>
    {
        using Conv2d layer = nn.Conv2d(5, 3, 3);
        using Tensor x = ones(2, 5, 4, 4), y = layer.Convolve(x), z = Convolutions.InWholeBlocks(layer, x);
    });

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
