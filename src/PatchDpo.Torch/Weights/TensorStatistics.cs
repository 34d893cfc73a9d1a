using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Weights;

/// <summary>The range of a tensor's values. NaN and infinities are counted, and left out of the rest.</summary>
/// <param name="Minimum">The smallest finite value; NaN where there is none.</param>
/// <param name="Mean">The mean of the finite values; NaN where there is none.</param>
/// <param name="Maximum">The largest finite value; NaN where there is none.</param>
/// <param name="NonFinite">How many values are NaN or infinite.</param>
public sealed record TensorStatistics(double Minimum, double Mean, double Maximum, long NonFinite)
{
    // float64 copies are made of this many elements at a time.
    private const long PieceElements = 1L << 22;

    /// <summary>Looks at all values, in float64.</summary>
    /// <param name="values">Real numbers of any dtype, shape and device.</param>
    public static TensorStatistics Of(Tensor values)
    {
        ArgumentNullException.ThrowIfNull(values);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor flat = values.detach().reshape(-1);
        double minimum = double.PositiveInfinity, maximum = double.NegativeInfinity, sum = 0;
        long finite = 0, total = flat.numel();
        for (long begin = 0; begin < total; begin += PieceElements)
        {
            using DisposeScope piece = NewDisposeScope();
            Tensor wide = flat.narrow(0, begin, Math.Min(PieceElements, total - begin)).cpu().to(float64);
            wide = wide.masked_select(wide.isfinite());
            if (wide.numel() == 0)
                continue;
            minimum = Math.Min(minimum, wide.min().item<double>());
            maximum = Math.Max(maximum, wide.max().item<double>());
            sum += wide.sum().item<double>();
            finite += wide.numel();
        }
        return finite > 0 ? new(minimum, sum / finite, maximum, total - finite) : new(double.NaN, double.NaN, double.NaN, total);
    }
}
