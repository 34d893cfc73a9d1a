using PatchDpo.Torch.Diffusion.Schedules;

namespace PatchDpo.Torch.Diffusion.Samplers;

/// <summary>Timestep and noise-level arithmetic that the samplers share; all in double precision, as numpy does it.</summary>
internal static class SamplerTimesteps
{
    /// <summary>Equally spaced values, both ends included.</summary>
    public static double[] Linspace(double start, double stop, int count)
        => [.. Enumerable.Range(0, count).Select(i => count == 1 ? start : i == count - 1 ? stop : start + (i * ((stop - start) / (count - 1))))];

    /// <summary>The timesteps of a run, from the noisiest (DDIM, Euler).</summary>
    public static double[] Spaced(TimestepSpacing spacing, int trainTimesteps, int steps, int offset) => spacing switch
    {
        TimestepSpacing.Leading => [.. Enumerable.Range(0, steps).Reverse()
            .Select(i => (double)Math.Min((i * (trainTimesteps / steps)) + offset, trainTimesteps - 1))],
        TimestepSpacing.Linspace => [.. Linspace(0, trainTimesteps - 1, steps).Reverse()],
        _ => Trailing(trainTimesteps, (double)trainTimesteps / steps),
    };

    /// <summary>Counts down from <paramref name="last"/> in (fractional) steps, rounded, less one.</summary>
    public static double[] Trailing(int last, double step)
        => [.. Enumerable.Range(0, (int)Math.Ceiling(last / step)).Select(i => Math.Round(last - (i * step)) - 1)];

    /// <summary>Linear interpolation in a table over 0, 1, 2, ...</summary>
    public static double Interpolate(double[] table, double position)
    {
        int low = (int)Math.Clamp(Math.Floor(position), 0, table.Length - 1);
        int high = Math.Min(low + 1, table.Length - 1);
        return table[low] + ((table[high] - table[low]) * Math.Clamp(position - low, 0, 1));
    }

    /// <summary>Noise levels after Karras et al., arXiv 2206.00364, equation 5, rho 7, from the noisiest.</summary>
    public static double[] Karras(double minimum, double maximum, int steps)
    {
        double low = Math.Pow(minimum, 1 / 7d), high = Math.Pow(maximum, 1 / 7d);
        return [.. Linspace(0, 1, steps).Select(r => Math.Pow(high + (r * (low - high)), 7))];
    }

    /// <summary>Noise levels with equal steps in the logarithm, from the noisiest.</summary>
    public static double[] Exponential(double minimum, double maximum, int steps)
        => Array.ConvertAll(Linspace(Math.Log(maximum), Math.Log(minimum), steps), Math.Exp);

    /// <summary>Noise levels at the quantiles of a beta distribution, both parameters 0.6 (Lee et al., arXiv 2407.12173), from the noisiest.</summary>
    public static double[] Beta(double minimum, double maximum, int steps)
        => [.. Linspace(0, 1, steps).Select(r => minimum + (BetaQuantile(1 - r) * (maximum - minimum)))];

    /// <summary>Noise levels of the configuration's own spacing, from the noisiest; null where it has none.</summary>
    public static double[]? Uneven(NoiseScheduleConfig config, double minimum, double maximum, int steps)
    {
        (double low, double high) = (config.SigmaMin ?? minimum, config.SigmaMax ?? maximum);
        return config.UseKarrasSigmas ? Karras(low, high, steps)
            : config.UseExponentialSigmas || config.UseLuLambdas ? Exponential(low, high, steps)
            : config.UseBetaSigmas ? Beta(low, high, steps)
            : null;
    }

    /// <summary>The quantile of the beta distribution with both parameters 0.6, by halving; it is symmetric about 1/2.</summary>
    internal static double BetaQuantile(double probability)
    {
        if (probability > 0.5)
            return 1 - BetaQuantile(1 - probability);
        double low = 0, high = 0.5, target = 2 * probability * Integral(0.5);
        for (int i = 0; i < 60; i++)
        {
            double middle = (low + high) / 2;
            (low, high) = Integral(middle) < target ? (middle, high) : (low, middle);
        }
        return (low + high) / 2;

        // Of t^(a-1) (1-t)^(a-1) from 0 to x, by the binomial series; the whole integral is twice that to 1/2.
        static double Integral(double x)
        {
            const double A = 0.6;
            double sum = 0, term = 1;
            for (int n = 0; n < 60; n++)
            {
                sum += term / (A + n);
                term *= x * (1 - A + n) / (n + 1);
            }
            return Math.Pow(x, A) * sum;
        }
    }

    /// <summary>The (fractional) timestep whose noise level is <paramref name="sigma"/>, interpolated in the logarithm.</summary>
    public static double TimestepOf(double sigma, double[] trainSigmas)
    {
        int low = 0;
        while (low < trainSigmas.Length - 2 && trainSigmas[low + 1] <= sigma)
            low++;
        double a = Math.Log(trainSigmas[low]), b = Math.Log(trainSigmas[low + 1]);
        return low + Math.Clamp((a - Math.Log(sigma)) / (a - b), 0, 1);
    }

    public static void ThrowIfInvalid(int steps, NoiseSchedule schedule)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(steps, schedule.TrainTimesteps);
    }
}
