using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Torch.PatchQuality;

/// <summary>One value for each patch of an image: its quality p, or the training weight made from it.</summary>
public sealed class QualityMap
{
    /// <summary>Wraps values; the array is not copied.</summary>
    /// <param name="height">Rows of patches, at least 1.</param>
    /// <param name="width">Patches in a row, at least 1.</param>
    /// <param name="values">Exactly <c>height * width</c> finite values, rows from the top.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is less than 1.</exception>
    /// <exception cref="ArgumentException"><paramref name="values"/> has another length, or holds NaN or an infinity.</exception>
    public QualityMap(int height, int width, float[] values)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentNullException.ThrowIfNull(values);
        if (values.LongLength != (long)height * width)
            throw new ArgumentException($"{height} x {width} patches need {(long)height * width} values, not {values.LongLength}.", nameof(values));
        int bad = Array.FindIndex(values, v => !float.IsFinite(v));
        if (bad >= 0)
            throw new ArgumentException($"The value of the patch in row {bad / width}, column {bad % width} is {values[bad]}; a quality must be finite.",
                nameof(values));
        Height = height;
        Width = width;
        Values = values;
    }

    /// <summary>Rows of patches.</summary>
    public int Height { get; }

    /// <summary>Patches in a row.</summary>
    public int Width { get; }

    /// <summary>The values: <c>Values[row * Width + column]</c>. A quality lies in [-1, 1] (up to rounding), a weight in [0, 1].</summary>
    public float[] Values { get; }

    /// <summary>The value of one patch.</summary>
    /// <param name="row">From the top, from 0.</param>
    /// <param name="column">From the left, from 0.</param>
    public float this[int row, int column] => Values[(row * Width) + column];

    /// <summary>The mean over all patches.</summary>
    public float Mean() => (float)Values.Average(v => (double)v);

    /// <summary>The mean over some patches, at least one of them; null: over all.</summary>
    internal float MeanWithin(bool[]? grid) => grid is null ? Mean() : (float)Values.Zip(grid).Where(v => v.Second).Average(v => (double)v.First);

    /// <summary>Resamples the map, for instance to the latent grid on which the training loss is weighted.</summary>
    /// <param name="height">New number of rows, at least 1.</param>
    /// <param name="width">New number of columns, at least 1.</param>
    /// <returns>A new map over the same image; this one where the size is the same.</returns>
    /// <remarks>
    /// Bilinear between patch centres (both grids cover the whole image; no corner alignment), and antialiased where the
    /// new grid is coarser: each new patch is then a triangle-weighted mean of the patches that it covers. No value leaves
    /// the range of the old ones. The paper names no interpolation; this one is ours.
    /// </remarks>
    public QualityMap Resize(int height, int width)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        return height == Height && width == Width
            ? this
            : new QualityMap(height, width, MapResampling.Resample(Values, Height, Width, height, width));
    }

    /// <summary>Resamples the part of the map that a square crop from the image's centre shows, as <see cref="Resize"/> does.</summary>
    /// <param name="imageWidth">Width of the image that the map covers.</param>
    /// <param name="imageHeight">Its height.</param>
    /// <param name="height">New number of rows, at least 1.</param>
    /// <param name="width">New number of columns, at least 1.</param>
    /// <remarks>
    /// Training sees the centre square of an image (<see cref="Images.DiffusionPreprocessor"/>), maps cover all of it; of a square image this is
    /// <see cref="Resize"/>.
    /// </remarks>
    public QualityMap ResizeCenterSquare(int imageWidth, int imageHeight, int height, int width)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(imageWidth, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(imageHeight, 1);
        if (imageWidth == imageHeight)
            return Resize(height, width);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        double side = Math.Min(imageWidth, imageHeight);
        return new QualityMap(height, width, MapResampling.Resample(Values, Height, Width, height, width, side / imageHeight, side / imageWidth));
    }

    /// <summary>Copies the values into a tensor.</summary>
    /// <returns>Float32 on the CPU, <c>(h,w)</c>; the caller disposes it.</returns>
    public Tensor ToTensor()
    {
        TorchRuntime.Initialize();
        return tensor(Values, [Height, Width]);
    }

    /// <summary>Copies a tensor's values into a map.</summary>
    /// <param name="values">Floating point on any device, <c>(h,w)</c>.</param>
    /// <exception cref="ArgumentException">It has another number of dimensions, or holds a value that is not finite.</exception>
    public static QualityMap FromTensor(Tensor values)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (values.dim() != 2)
            throw new ArgumentException($"A quality map is made from a (h,w) tensor, not from one of shape ({string.Join(',', values.shape)}).",
                nameof(values));
        float[] copy = values.ToFloats();
        return new QualityMap((int)values.shape[0], (int)values.shape[1], copy);
    }
}
