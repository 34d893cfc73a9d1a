using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Vision.Cnn;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Foundation;

/// <summary>Everything that holds its numbers gives the bits of TorchSharp's own.</summary>
public class TensorArithmeticTests
{
    [Fact]
    public void Gives_the_bits_of_TorchSharps_operators()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = linspace(-30, 30, 1001), y = linspace(1, 5, 1001);
        Equal(x + y, x.Plus(y));
        Equal(x + 0.3, x.Plus(0.3));
        Equal(x - 0.3, x.Minus(0.3));
        Equal(x - 3, x.Minus(3));
        Equal(1 - x, x.SubtractedFrom(1));
        Equal(0.7 - x, x.SubtractedFrom(0.7));
        Equal(x * 0.3, x.Times(0.3));
        Equal(x / 3, x.DividedBy(3));
        Equal(x / 0.7, x.DividedBy(0.7));
        Equal(x.square(), x.Squared());
        Equal(x.add(y, alpha: 0.4), x.PlusScaled(y, 0.4));
        Equal(x % 3, x.Remainder(3));
        Equal(x.clamp(-1, 2), x.Clamped(-1, 2));
        Equal(x.clamp_min(-1), x.AtLeast(-1));
        Equal(x.clamp_max(1), x.AtMost(1));
        Equal(x.masked_fill(y.gt(2), float.NegativeInfinity), x.MaskedFilled(y.GreaterThan(2), double.NegativeInfinity));
        Equal(nn.functional.softplus(x), x.Softplus(), 1e-6f);
        Equal(full([2, 3], 0.3), TensorArithmetic.Filled([2, 3], 0.3));
    }

    [Fact]
    public void Ranges_remainders_and_comparisons_take_whole_numbers()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor range = TensorArithmetic.Range(5);
        Assert.Equal([0L, 1, 2, 3, 4], range.data<long>().ToArray());
        Assert.Equal([0L, 1, 2, 0, 1], range.Remainder(3).data<long>().ToArray());
        Assert.Equal([false, false, true, false, false], range.EqualTo(2).data<bool>().ToArray());
        Assert.Equal([true, true, false, false, false], range.LessThan(2).data<bool>().ToArray());
    }

    [Fact]
    public void Softplus_has_a_gradient_everywhere()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = tensor([-100f, 0, 19, 21, 1000], requires_grad: true);
        x.Softplus().sum().backward();
        Equal(x.detach().sigmoid(), x.grad!, 1e-6f);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Batch_normalisation_is_PyTorchs(bool training)
    {
        using DisposeScope scope = NewDisposeScope();
        using var ours = new BatchNormalization(3, CPU, ScalarType.Float32);
        using BatchNorm2d theirs = nn.BatchNorm2d(3);
        ours.train(training);
        theirs.train(training);
        using Generator generator = new(3, CPU);
        for (int i = 0; i < 3; i++)
        {
            Tensor x = randn([4, 3, 5, 5], generator: generator);
            Equal(theirs.call(x), ours.call(x));
        }
        Dictionary<string, Tensor> a = ours.state_dict(), b = theirs.state_dict();
        Assert.Equal(b.Keys.Order(), a.Keys.Order());
        Assert.All(b, p => Equal(p.Value.to(ScalarType.Float32), a[p.Key].to(ScalarType.Float32)));
    }

    private static void Equal(Tensor expected, Tensor found, float tolerance = 0)
    {
        Assert.Equal(expected.shape, found.shape);
        Assert.Equal(expected.dtype, found.dtype);
        Assert.All(expected.detach().flatten().data<float>().ToArray().Zip(found.detach().flatten().data<float>().ToArray()), p
            => Assert.True(p.First.Equals(p.Second) || Math.Abs(p.First - p.Second) <= tolerance, $"{p.Second} is not {p.First}"));
    }
}
