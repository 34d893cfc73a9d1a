namespace PatchDpo.Torch.PatchQuality;

/// <summary>Separable triangle-filter resampling of a small map.</summary>
/// <remarks>
/// What PyTorch's <c>interpolate(mode="bilinear", antialias=True)</c> computes; done here because libtorch 2.10 returns the
/// first row for every row where the new map is one column wide.
/// </remarks>
internal static class MapResampling
{
    /// <summary>Resamples the middle of <c>rows x columns</c> values to <c>newRows x newColumns</c>.</summary>
    /// <param name="values">Row by row.</param>
    /// <param name="rows">Old rows.</param>
    /// <param name="columns">Old columns.</param>
    /// <param name="newRows">New rows.</param>
    /// <param name="newColumns">New columns.</param>
    /// <param name="keptHeight">The share of the height that the new map covers, centred; above 0, at most 1.</param>
    /// <param name="keptWidth">The same of the width.</param>
    public static float[] Resample(float[] values, int rows, int columns, int newRows, int newColumns, double keptHeight = 1, double keptWidth = 1)
    {
        float[] wide = new float[rows * newColumns];
        foreach ((int target, int source, double weight) in Weights(columns, newColumns, keptWidth))
            for (int row = 0; row < rows; row++)
                wide[(row * newColumns) + target] += (float)(weight * values[(row * columns) + source]);

        float[] result = new float[newRows * newColumns];
        foreach ((int target, int source, double weight) in Weights(rows, newRows, keptHeight))
            for (int column = 0; column < newColumns; column++)
                result[(target * newColumns) + column] += (float)(weight * wide[(source * newColumns) + column]);
        return result;
    }

    /// <summary>For each new sample the old ones under a triangle around its centre, two old samples wide or, when reducing, two new ones.</summary>
    private static IEnumerable<(int Target, int Source, double Weight)> Weights(int count, int newCount, double kept)
    {
        double scale = count * kept / newCount, support = Math.Max(scale, 1), start = count * (1 - kept) / 2;
        for (int target = 0; target < newCount; target++)
        {
            double centre = start + ((target + 0.5) * scale) - 0.5;
            int first = Math.Max(0, (int)Math.Ceiling(centre - support)), last = Math.Min(count - 1, (int)Math.Floor(centre + support));
            double sum = 0;
            for (int source = first; source <= last; source++)
                sum += Triangle(source);
            for (int source = first; source <= last; source++)
                yield return (target, source, Triangle(source) / sum);

            double Triangle(int source) => Math.Max(0, 1 - (Math.Abs(source - centre) / support));
        }
    }
}
