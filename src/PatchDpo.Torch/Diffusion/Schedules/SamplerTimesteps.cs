namespace PatchDpo.Torch.Diffusion;

/// <summary>Timestep and noise-level arithmetic that the samplers share; all in double precision, as numpy does it.</summary>
internal static class SamplerTimesteps
{
    /// <summary>Equally spaced values, both ends included.</summary>
    public static double[] Linspace(double start, double stop, int count)
        => [.. Enumerable.Range(0, count).Select(i => count == 1 ? start : i == count - 1 ? stop : start + (i * ((stop - start) / (count - 1))))];

    /// <summary>The timesteps of a run, from the noisiest (DDIM, Euler).</summary>
    public static double[] Spaced(TimestepSpacing spacing, int trainTimesteps, int steps, int offset) => spacing switch
    {
        TimestepSpacing.Leading => [.. Enumerable.Range(0, steps).Reverse().Select(i => (double)Math.Min((i * (trainTimesteps / steps)) + offset, trainTimesteps - 1))],
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
