using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Foundation;

/// <summary>Arithmetic of tensors whose numbers are held until the native call has read them.</summary>
/// <remarks>
/// TorchSharp wraps a number as a <see cref="Scalar"/> with a finalizer. An implicit conversion (<c>x * 2.0</c>) leaves a temporary that
/// nothing holds once its handle was read, so a collection on another thread frees it while libtorch reads it: an exception, or a wrong
/// number in silence. TorchSharp's own methods make such temporaries too; adding two tensors is one of them. No code of this library
/// converts a number implicitly or calls such a method; a test reads the compiled code for both. Whatever takes a <see cref="Scalar"/>
/// is given a static one or one in a <c>using</c> declaration.
/// Numbers are double here: a tensor of whole numbers becomes one of floats.
/// </remarks>
internal static class TensorArithmetic
{
    private static readonly Scalar Zero = 0L.ToScalar(), One = 1L.ToScalar(), Two = 2L.ToScalar();

    /// <summary>0, 1, ... count - 1: int64, or of another type.</summary>
    internal static Tensor Range(long count, ScalarType dtype = ScalarType.Int64, Device? device = null)
    {
        using Scalar end = count.ToScalar();
        return arange(Zero, end, One, dtype, device);
    }

    /// <summary>A tensor of one value.</summary>
    internal static Tensor Filled(ReadOnlySpan<long> shape, double value, ScalarType? dtype = null, Device? device = null)
    {
        using Scalar number = value.ToScalar();
        return full(shape, number, dtype, device);
    }

    /// <summary>x + y.</summary>
    internal static Tensor Plus(this Tensor x, Tensor y) => x.add(y, One);

    /// <summary>x + y.</summary>
    internal static Tensor Plus(this Tensor x, double y)
    {
        using Scalar number = y.ToScalar();
        return x.add(number, One);
    }

    /// <summary>x becomes x + 1.</summary>
    internal static void Increment(Tensor x) => x.add_(One, One);

    /// <summary>x becomes x + y; the caller holds y.</summary>
    internal static Tensor PlusInPlace(this Tensor x, Scalar y) => x.add_(y, One);

    /// <summary>x + y * factor, in one call.</summary>
    internal static Tensor PlusScaled(this Tensor x, Tensor y, double factor)
    {
        using Scalar number = factor.ToScalar();
        return x.add(y, number);
    }

    /// <summary>x - y.</summary>
    internal static Tensor Minus(this Tensor x, Tensor y) => x.sub(y);

    /// <summary>x - y.</summary>
    internal static Tensor Minus(this Tensor x, double y)
    {
        using Scalar number = y.ToScalar();
        return x.sub(number);
    }

    /// <summary>y - x.</summary>
    internal static Tensor SubtractedFrom(this Tensor x, double y)
    {
        using Scalar number = y.ToScalar();
        using Tensor negative = x.negative();
        return negative.add(number, One);
    }

    /// <summary>x * y.</summary>
    internal static Tensor Times(this Tensor x, Tensor y) => x.mul(y);

    /// <summary>x * y.</summary>
    internal static Tensor Times(this Tensor x, double y)
    {
        using Scalar number = y.ToScalar();
        return x.mul(number);
    }

    /// <summary>x / y.</summary>
    internal static Tensor DividedBy(this Tensor x, Tensor y) => x.div(y);

    /// <summary>x / y.</summary>
    internal static Tensor DividedBy(this Tensor x, double y)
    {
        using Scalar number = y.ToScalar();
        return x.div(number);
    }

    /// <summary>x * x.</summary>
    internal static Tensor Squared(this Tensor x) => x.pow(Two);

    /// <summary>x limited to [minimum, maximum].</summary>
    internal static Tensor Clamped(this Tensor x, double minimum, double maximum)
    {
        using Scalar low = minimum.ToScalar(), high = maximum.ToScalar();
        return x.clamp(low, high);
    }

    /// <summary>x, at least <paramref name="minimum"/>.</summary>
    internal static Tensor AtLeast(this Tensor x, double minimum)
    {
        using Scalar low = minimum.ToScalar();
        return x.clamp_min(low);
    }

    /// <summary>x, at most <paramref name="maximum"/>.</summary>
    internal static Tensor AtMost(this Tensor x, double maximum)
    {
        using Scalar high = maximum.ToScalar();
        return x.clamp_max(high);
    }

    /// <summary>x with <paramref name="value"/> where the mask is true.</summary>
    internal static Tensor MaskedFilled(this Tensor x, Tensor mask, double value)
    {
        using Scalar number = value.ToScalar();
        return x.masked_fill(mask, number);
    }

    /// <summary>The remainder of x / y, of y's sign.</summary>
    internal static Tensor Remainder(this Tensor x, long y)
    {
        using Scalar number = y.ToScalar();
        return x.remainder(number);
    }

    /// <summary>Where x == y.</summary>
    internal static Tensor EqualTo(this Tensor x, long y)
    {
        using Scalar number = y.ToScalar();
        return x.eq(number);
    }

    /// <summary>Where x &lt; y.</summary>
    internal static Tensor LessThan(this Tensor x, double y)
    {
        using Scalar number = y.ToScalar();
        return x.lt(number);
    }

    /// <summary>Where x > y.</summary>
    internal static Tensor GreaterThan(this Tensor x, double y)
    {
        using Scalar number = y.ToScalar();
        return x.gt(number);
    }

    /// <summary>x where it is above 0, else x times the slope.</summary>
    internal static Tensor LeakyRelu(this Tensor x, double slope)
    {
        using Scalar number = slope.ToScalar();
        return x.leaky_relu(number);
    }

    /// <summary>log(1 + e^x); x itself above 20, as in PyTorch.</summary>
    internal static Tensor Softplus(this Tensor x)
    {
        using Tensor smooth = x.AtMost(20).exp().log1p();
        return where(x.GreaterThan(20), x, smooth);
    }
}
