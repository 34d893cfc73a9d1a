using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.PatchQuality;

/// <summary>Draws a quality map over its image, so that the eye goes to the patches that are wrong.</summary>
public static class HeatMap
{
    private const double SmallestSpan = 0.2;

    // Dark red, orange, pale yellow, teal: lightness rises towards the middle, and red against teal stays
    // apart for red-green colour-blind readers.
    private static readonly (double R, double G, double B)[] Colours =
        [(150, 0, 38), (215, 48, 31), (252, 141, 60), (255, 237, 160), (127, 205, 187), (29, 145, 192)];

    /// <summary>Blends the map over the image.</summary>
    /// <param name="image">Grey, RGB or RGBA (alpha is ignored), any size.</param>
    /// <param name="map">The quality of each patch; its grid covers the whole image.</param>
    /// <param name="options">The range and the opacity; null: the defaults.</param>
    /// <returns>RGB of the image's size. The image shows in grey; bad patches are dark red and opaque, good ones blue and faint.</returns>
    /// <exception cref="ArgumentException">The range that the options set is empty.</exception>
    public static ImageBuffer Render(ImageBuffer image, QualityMap map, HeatMapOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(map);
        options ??= new HeatMapOptions();
        (float worst, float best) = Range(map, options);
        byte[] pixels = new byte[image.Width * image.Height * 3];
        QualityMap fine = WithinMask(map, options.Mask).Resize(image.Height, image.Width);
        for (int i = 0; i < fine.Values.Length; i++)
        {
            double quality = Math.Clamp((fine.Values[i] - worst) / (double)(best - worst), 0, 1);
            bool counts = options.Mask is not bool[,] mask
                || mask[i / image.Width * mask.GetLength(0) / image.Height, i % image.Width * mask.GetLength(1) / image.Width];
            double grey = Grey(image, i), alpha = counts ? options.Opacity * (1 - (quality * 2 / 3)) : 0;
            (double r, double g, double b) = Colour(quality);
            // The image keeps its light and shade under the colour.
            double shade = 0.55 + (0.45 * grey / 255);
            pixels[i * 3] = Blend(grey, r * shade, alpha);
            pixels[(i * 3) + 1] = Blend(grey, g * shade, alpha);
            pixels[(i * 3) + 2] = Blend(grey, b * shade, alpha);
        }
        return new ImageBuffer(image.Width, image.Height, 3, pixels);
    }

    /// <summary>One range for several maps, so that their pictures compare: from the 1st percentile to the largest value, within the masks.</summary>
    /// <param name="maps">At least one map, each with its mask of any grid over the image, or null.</param>
    /// <exception cref="ArgumentException">There is no map.</exception>
    public static HeatMapOptions CommonRange(IEnumerable<(QualityMap Map, bool[,]? Mask)> maps)
    {
        ArgumentNullException.ThrowIfNull(maps);
        float[] all = [.. maps.SelectMany(m => Counted(m.Map, m.Mask)).Order()];
        if (all.Length == 0)
            throw new ArgumentException("There is no map to take a range from.", nameof(maps));
        (float low, float high) = (all[(int)(0.01 * (all.Length - 1))], all[^1]);
        return new HeatMapOptions { Worst = Math.Min(low, high - 0.05f), Best = high };
    }

    /// <summary>The colours as maps have them over white, for a legend.</summary>
    /// <param name="range">Options with both ends set, such as <see cref="CommonRange"/>'s.</param>
    /// <param name="steps">How many colours, at least 2.</param>
    /// <returns>RGB, (1, <paramref name="steps"/>): from the worst quality on the left to the best one.</returns>
    /// <exception cref="ArgumentException">An end is not set, or the range is empty.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="steps"/> is below 2.</exception>
    public static ImageBuffer Scale(HeatMapOptions range, int steps)
    {
        ArgumentNullException.ThrowIfNull(range);
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 2);
        if (range is not { Worst: float worst, Best: float best })
            throw new ArgumentException("A scale needs both ends of its range, Worst and Best.", nameof(range));
        var white = new ImageBuffer(steps, 1, 1, [.. Enumerable.Repeat(byte.MaxValue, steps)]);
        var ramp = new QualityMap(1, steps, [.. Enumerable.Range(0, steps).Select(i => worst + ((best - worst) * i / (steps - 1)))]);
        return Render(white, ramp, new HeatMapOptions { Worst = worst, Best = best, Opacity = range.Opacity });
    }

    /// <summary>The patches around an object take the mean of those of the object beside them, so that their 1 does not brighten its edge.</summary>
    private static QualityMap WithinMask(QualityMap map, bool[,]? mask)
    {
        if (mask is null)
            return map;
        bool[,] inside = ForegroundMask.ToPatchGrid(mask, map.Height, map.Width);
        float[] values = [.. map.Values];
        for (int i = 0; i < values.Length; i++)
        {
            (int row, int column) = (i / map.Width, i % map.Width);
            if (inside[row, column])
                continue;
            float[] beside = [.. Around(row, map.Height).SelectMany(_ => Around(column, map.Width), (r, c) => (Row: r, Column: c))
                .Where(p => inside[p.Row, p.Column]).Select(p => map[p.Row, p.Column])];
            if (beside.Length > 0)
                values[i] = beside.Average();
        }
        return new QualityMap(map.Height, map.Width, values);

        static IEnumerable<int> Around(int place, int count) => Enumerable.Range(place - 1, 3).Where(p => p >= 0 && p < count);
    }

    // Outside a mask a patch has quality 1, which says nothing.
    private static IEnumerable<float> Counted(QualityMap map, bool[,]? mask)
    {
        if (mask is null)
            return map.Values;
        float[] inside = [.. ForegroundMask.ToPatchGrid(mask, map.Height, map.Width).Cast<bool>().Zip(map.Values).Where(v => v.First).Select(v => v.Second)];
        return inside.Length > 0 ? inside : map.Values;
    }

    private static (float Worst, float Best) Range(QualityMap map, HeatMapOptions options)
    {
        float[] sorted = [.. Counted(map, options.Mask).Order()];
        float best = options.Best ?? Math.Max(sorted[^1], options.Worst + (float)SmallestSpan ?? float.NegativeInfinity);
        float worst = options.Worst ?? Math.Min(sorted[(int)(0.02 * (sorted.Length - 1))], best - (float)SmallestSpan);
        return worst < best ? (worst, best) : throw new ArgumentException($"Worst ({worst}) must be below Best ({best}).", nameof(options));
    }

    private static double Grey(ImageBuffer image, int pixel)
    {
        int at = pixel * image.Channels;
        byte[] p = image.Pixels;
        return image.Channels == 1 ? p[at] : (0.299 * p[at]) + (0.587 * p[at + 1]) + (0.114 * p[at + 2]);
    }

    private static (double R, double G, double B) Colour(double quality)
    {
        double position = quality * (Colours.Length - 1);
        int lower = Math.Min((int)position, Colours.Length - 2);
        double t = position - lower;
        (double r, double g, double b) = Colours[lower];
        (double r1, double g1, double b1) = Colours[lower + 1];
        return (r + ((r1 - r) * t), g + ((g1 - g) * t), b + ((b1 - b) * t));
    }

    private static byte Blend(double below, double above, double alpha) => (byte)Math.Round(below + ((above - below) * alpha));
}
