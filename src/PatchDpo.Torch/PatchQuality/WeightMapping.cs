using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.PatchQuality;

/// <summary>Turns patch quality into training weight: <c>clamp((p - Low) / (High - Low), 0, 1) ^ Contrast</c>.</summary>
/// <remarks>
/// Ours: the paper leaves the step from p to the weight open. Raw p is high nearly everywhere with some encoders, which
/// leaves little contrast between good and bad patches; <see cref="WeightMapKind.MinMax"/> spreads it over [0, 1].
/// </remarks>
public sealed class WeightMapping
{
    // Percentiles come from a histogram over p's range, so that a data set of any size needs 8 MiB: exact to 2e-6.
    private const int Bins = 1 << 20;

    /// <summary>A mapping with a known range, for instance one that was saved.</summary>
    /// <param name="low">The p that becomes 0.</param>
    /// <param name="high">The p that becomes 1, above <paramref name="low"/>.</param>
    /// <param name="contrast">The exponent, above 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range is empty or not finite, or the exponent is not above 0.</exception>
    public WeightMapping(float low, float high, double contrast)
    {
        if (!float.IsFinite(low) || !float.IsFinite(high) || low >= high)
            throw new ArgumentOutOfRangeException(nameof(high), high, $"The range of p must be finite and ascending, not [{low}, {high}].");
        if (!double.IsFinite(contrast) || contrast <= 0)
            throw new ArgumentOutOfRangeException(nameof(contrast), contrast, "The contrast is a finite number above 0.");
        Low = low;
        High = high;
        Contrast = contrast;
    }

    /// <summary>The p that becomes weight 0.</summary>
    public float Low { get; }

    /// <summary>The p that becomes weight 1.</summary>
    public float High { get; }

    /// <summary>The exponent applied to the scaled value.</summary>
    public double Contrast { get; }

    /// <summary>Finds the range of p that a data set needs.</summary>
    /// <param name="maps">The quality maps of the data set, both sides; read once, and not at all for <see cref="WeightMapKind.Identity"/>.</param>
    /// <param name="options">The kind, the percentiles and the contrast; null: the defaults.</param>
    /// <returns>The mapping. Where both percentiles are the same value there is nothing to spread, and the range is [0, 1] as for Identity.</returns>
    /// <exception cref="EmptyDataException">MinMax is asked for and there is no map.</exception>
    /// <exception cref="ArgumentException">The low percentile is not below the high one.</exception>
    public static WeightMapping Fit(IEnumerable<QualityMap> maps, WeightMapOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(maps);
        options ??= new WeightMapOptions();
        if (options.LowPercentile >= options.HighPercentile)
            throw new ArgumentException($"The low percentile ({options.LowPercentile}) must be below the high one ({options.HighPercentile}).",
                nameof(options));
        if (options.Kind == WeightMapKind.Identity)
            return new WeightMapping(0, 1, options.Contrast);

        long[] histogram = new long[Bins];
        long count = 0;
        foreach (QualityMap map in maps)
            foreach (float p in map.Values)
            {
                histogram[(int)((Math.Clamp(p, -1f, 1f) + 1) * 0.5 * (Bins - 1) + 0.5)]++;
                count++;
            }
        if (count == 0)
            throw new EmptyDataException("There is no quality map to take the percentiles of p from.");
        float low = Percentile(histogram, count, options.LowPercentile), high = Percentile(histogram, count, options.HighPercentile);
        return low < high ? new WeightMapping(low, high, options.Contrast) : new WeightMapping(0, 1, options.Contrast);
    }

    /// <summary>The weights of one map.</summary>
    /// <param name="quality">Values of p.</param>
    /// <returns>A new map of the same size, values in [0, 1].</returns>
    public QualityMap Apply(QualityMap quality)
    {
        ArgumentNullException.ThrowIfNull(quality);
        float[] weights = Array.ConvertAll(quality.Values, p => (float)Math.Pow(Math.Clamp((p - Low) / (double)(High - Low), 0, 1), Contrast));
        return new QualityMap(quality.Height, quality.Width, weights);
    }

    /// <summary>The value at a percentile, linear between the two nearest ranks as numpy has it.</summary>
    private static float Percentile(long[] histogram, long count, double percentile)
    {
        double rank = percentile / 100 * (count - 1);
        double lower = ValueAt(histogram, (long)Math.Floor(rank)), upper = ValueAt(histogram, (long)Math.Ceiling(rank));
        return (float)(lower + ((upper - lower) * (rank - Math.Floor(rank))));
    }

    private static double ValueAt(long[] histogram, long rank)
    {
        int bin = 0;
        for (long below = histogram[0]; below <= rank; below += histogram[bin])
            bin++;
        return (bin * 2.0 / (Bins - 1)) - 1;
    }
}
