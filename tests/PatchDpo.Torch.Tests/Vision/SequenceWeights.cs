using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Vision;

/// <summary>Weights and inputs that any language computes bit by bit alike: multiples of an irrational number, modulo 1.</summary>
internal static class SequenceWeights
{
    /// <summary>Numbers in -1..1: <c>2 frac((i + 1) (0.6180339887498949 + 0.01 n)) - 1</c>.</summary>
    public static double[] Values(long count, int n)
    {
        double[] values = new double[count];
        for (int i = 0; i < values.Length; i++)
        {
            double y = (i + 1.0) * (0.6180339887498949 + (0.01 * n));
            values[i] = (2 * (y - Math.Floor(y))) - 1;
        }
        return values;
    }

    /// <summary>Pixels in -1..1, <c>(1,3,height,width)</c>.</summary>
    public static Tensor Pixels(int height, int width) => tensor(Values(3L * height * width, 7)).to(float32).view(1, 3, height, width);

    /// <summary>Fills every weight with a sequence of its own, in the order of the keys, scaled so that features stay of size 1.</summary>
    public static void Fill(nn.Module module)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        int n = 0;
        foreach ((string key, Tensor target) in module.state_dict().OrderBy(t => t.Key, StringComparer.Ordinal))
        {
            Tensor v = tensor(Values(target.numel(), n++)).view(target.shape);
            if (key.EndsWith("num_batches_tracked", StringComparison.Ordinal))
                continue;
            if (key.EndsWith("running_var", StringComparison.Ordinal))
                v = (0.5 * v) + 1;
            else if (key.EndsWith("running_mean", StringComparison.Ordinal) || key.EndsWith(".bias", StringComparison.Ordinal))
                v = 0.2 * v;
            else if (target.dim() == 1)
                v = (0.2 * v) + 1;
            else
                v = v * Math.Sqrt(3.0 * target.shape[0] / target.numel());
            target.copy_(v);
        }
    }

    /// <summary>Asserts the mean of a map and its product with a sequence, which no swap of two values leaves as it is.</summary>
    public static void AssertSums(Tensor map, double mean, double product, string what)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor values = map.detach().to(float64).contiguous().flatten();
        Assert.True(Math.Abs(values.mean().item<double>() - mean) < 2e-5, $"{what}: mean {values.mean().item<double>()}, expected {mean}.");
        double found = (values * tensor(Values(values.numel(), 3))).sum().item<double>() / Math.Sqrt(values.numel());
        Assert.True(Math.Abs(found - product) < 2e-5, $"{what}: product {found}, expected {product}.");
    }
}
