namespace PatchDpo.Torch.Images;

/// <summary>The fixed-point weights of one resampling pass: which source samples make each output sample, and how much each counts.</summary>
/// <remarks>Follows Pillow 9.4's 8-bit path: weights are normalised in double and rounded half away from zero to 22 fractional bits.</remarks>
internal sealed class ResampleKernel
{
    /// <summary>Fractional bits of a weight: 32 less 8 for the sample and 2 for overshoot.</summary>
    public const int PrecisionBits = 32 - 8 - 2;

    private readonly int[] starts;
    private readonly int[] counts;
    private readonly int[] weights;
    private readonly int stride;

    private ResampleKernel(int outputs, int stride)
    {
        this.stride = stride;
        starts = new int[outputs];
        counts = new int[outputs];
        weights = new int[checked(outputs * stride)];
    }

    /// <summary>The first source index that any output needs.</summary>
    public int First => starts[0];

    /// <summary>One past the last source index that any output needs.</summary>
    public int End => starts[^1] + counts[^1];

    /// <summary>Whether every weight has 16 bits, sign included: where an image shrinks to a hundredth, or so.</summary>
    public bool FitsShort { get; private set; } = true;

    /// <summary>The source index of the first weight of an output.</summary>
    public int Start(int output) => starts[output];

    /// <summary>The weights of an output.</summary>
    public ReadOnlySpan<int> Weights(int output) => weights.AsSpan(output * stride, counts[output]);

    /// <summary>Weights that take <paramref name="inputs"/> samples to <paramref name="outputs"/>.</summary>
    public static ResampleKernel Create(int inputs, int outputs, ResampleFilter filter) => Create(inputs, outputs, filter, 0, outputs);

    /// <summary>
    /// As <see cref="Create(int, int, ResampleFilter)"/>, for <paramref name="count"/> of the outputs, from <paramref name="first"/> on, which is
    /// then output 0.
    /// </summary>
    public static ResampleKernel Create(int inputs, int outputs, ResampleFilter filter, int first, int count)
    {
        double scale = (double)inputs / outputs;
        double filterScale = Math.Max(scale, 1.0);
        double support = Support(filter) * filterScale;
        double inverse = 1.0 / filterScale;
        var kernel = new ResampleKernel(count, ((int)Math.Ceiling(support) * 2) + 1);
        double[] exact = new double[kernel.stride];
        for (int output = 0; output < count; output++)
        {
            double center = (first + output + 0.5) * scale;
            int start = Math.Max(0, (int)(center - support + 0.5));
            int samples = Math.Min(inputs, (int)(center + support + 0.5)) - start;
            double sum = 0;
            for (int i = 0; i < samples; i++)
            {
                exact[i] = Evaluate(filter, (i + start - center + 0.5) * inverse);
                sum += exact[i];
            }

            kernel.starts[output] = start;
            kernel.counts[output] = samples;
            int offset = output * kernel.stride;
            for (int i = 0; i < samples; i++)
            {
                double weight = (sum != 0 ? exact[i] / sum : exact[i]) * (1 << PrecisionBits);
                int rounded = (int)(weight < 0 ? weight - 0.5 : weight + 0.5);
                kernel.weights[offset + i] = rounded;
                kernel.FitsShort &= rounded == (short)rounded;
            }
        }

        return kernel;
    }

    private static double Support(ResampleFilter filter) => filter switch
    {
        ResampleFilter.Box => 0.5,
        ResampleFilter.Bilinear => 1,
        ResampleFilter.Bicubic => 2,
        ResampleFilter.Lanczos => 3,
        _ => throw new ArgumentOutOfRangeException(nameof(filter), filter, "Not a convolution filter."),
    };

    private static double Evaluate(ResampleFilter filter, double x)
    {
        double a = -0.5;
        double d = Math.Abs(x);
        return filter switch
        {
            ResampleFilter.Box => x is > -0.5 and <= 0.5 ? 1 : 0,
            ResampleFilter.Bilinear => d < 1 ? 1 - d : 0,
            ResampleFilter.Bicubic when d < 1 => ((((a + 2) * d) - (a + 3)) * d * d) + 1,
            ResampleFilter.Bicubic when d < 2 => ((((d - 5) * d) + 8) * d - 4) * a,
            ResampleFilter.Lanczos when x is >= -3 and < 3 => Sinc(x) * Sinc(x / 3),
            _ => 0,
        };
    }

    private static double Sinc(double x)
    {
        double angle = x * Math.PI;
        return x == 0 ? 1 : Math.Sin(angle) / angle;
    }
}
