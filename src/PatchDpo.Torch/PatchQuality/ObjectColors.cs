using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.PatchQuality;

/// <summary>
/// An object's colours on a grid of at most <see cref="Side"/> cells a side: a cell has the mean of the object's pixels in it and in the cells around it.
/// </summary>
internal sealed class ObjectColors
{
    /// <summary>Cells of the longer side of images that have so many pixels.</summary>
    public const int Side = 64;

    private const int Channels = 3;
    private readonly float[] _values;
    private readonly bool[,] _isObject;

    private ObjectColors(float[] values, bool[,] isObject) => (_values, _isObject) = (values, isObject);

    /// <summary>Rows.</summary>
    public int Height => _isObject.GetLength(0);

    /// <summary>Columns.</summary>
    public int Width => _isObject.GetLength(1);

    /// <summary>Whether a cell holds a pixel of the object; beyond the image none does.</summary>
    public bool IsObject(int row, int column) => row >= 0 && column >= 0 && row < Height && column < Width && _isObject[row, column];

    /// <summary>The object's area and centre, in cells.</summary>
    public (double Area, double X, double Y) Moments() => AlignedObject.Moments(_isObject);

    /// <summary>The colours of an object.</summary>
    public static ObjectColors Of(AlignedObject drawn)
    {
        ImageBuffer image = drawn.Image;
        double share = Math.Min(1, Side / (double)Math.Max(image.Height, image.Width));
        (int height, int width) = (Math.Max(1, (int)Math.Round(image.Height * share)), Math.Max(1, (int)Math.Round(image.Width * share)));
        float[] sums = new float[height * width * Channels];
        int[] counts = new int[height * width];
        bool[,] isObject = new bool[height, width];
        for (int y = 0; y < image.Height; y++)
            for (int x = 0; x < image.Width; x++)
            {
                if (!drawn.Mask[y, x])
                    continue;
                (int row, int column) = (y * height / image.Height, x * width / image.Width);
                int cell = (row * width) + column;
                isObject[row, column] = true;
                counts[cell]++;
                for (int c = 0; c < Channels; c++)
                    sums[(cell * Channels) + c] += image.Pixels[(((y * image.Width) + x) * Channels) + c];
            }
        return new ObjectColors(Means(sums, counts, height, width), isObject);
    }

    /// <summary>The square of how far two cells' colours are apart, each of red, green and blue from 0 to 1: 0 to 3.</summary>
    public float SquaredDistance(int row, int column, ObjectColors other, int otherRow, int otherColumn)
    {
        ReadOnlySpan<float> own = _values.AsSpan(((row * Width) + column) * Channels, Channels);
        ReadOnlySpan<float> its = other._values.AsSpan(((otherRow * other.Width) + otherColumn) * Channels, Channels);
        (float red, float green, float blue) = (own[0] - its[0], own[1] - its[1], own[2] - its[2]);
        return (red * red) + (green * green) + (blue * blue);
    }

    /// <summary>
    /// How alike each cell's colour is to the nearest one that another object has at its place or next to it: <c>exp(-d^2 / (2 spread^2))</c>; 0 where the other
    /// has none, 1 off the object.
    /// </summary>
    /// <param name="other">An object over which this one lies.</param>
    /// <param name="placeOf">From this one's cells to the other's.</param>
    /// <param name="spread">In the distance's unit, above 0.</param>
    public QualityMap LikenessTo(ObjectColors other, Func<double, double, (double X, double Y)> placeOf, double spread)
        => new(Height, Width, [.. _isObject.Cast<bool>().Select((isObject, i)
            => isObject ? (float)Math.Exp(-Nearest(i / Width, i % Width, other, placeOf) / (2 * spread * spread)) : 1)]);

    private double Nearest(int row, int column, ObjectColors other, Func<double, double, (double X, double Y)> placeOf)
    {
        (double placeX, double placeY) = placeOf(column + 0.5, row + 0.5);
        (int middleRow, int middleColumn) = ((int)Math.Floor(placeY), (int)Math.Floor(placeX));
        double nearest = double.PositiveInfinity;
        for (int y = middleRow - 1; y <= middleRow + 1; y++)
            for (int x = middleColumn - 1; x <= middleColumn + 1; x++)
                if (other.IsObject(y, x))
                    nearest = Math.Min(nearest, SquaredDistance(row, column, other, y, x));
        return nearest;
    }

    private static float[] Means(float[] sums, int[] counts, int height, int width)
    {
        float[] means = new float[sums.Length];
        for (int row = 0; row < height; row++)
            for (int column = 0; column < width; column++)
            {
                if (counts[(row * width) + column] == 0)
                    continue;
                int count = 0;
                Span<float> mean = means.AsSpan(((row * width) + column) * Channels, Channels);
                for (int y = Math.Max(0, row - 1); y <= Math.Min(height - 1, row + 1); y++)
                    for (int x = Math.Max(0, column - 1); x <= Math.Min(width - 1, column + 1); x++)
                    {
                        int cell = (y * width) + x;
                        count += counts[cell];
                        for (int c = 0; c < Channels; c++)
                            mean[c] += sums[(cell * Channels) + c];
                    }
                for (int c = 0; c < Channels; c++)
                    mean[c] /= count * (float)byte.MaxValue;
            }
        return means;
    }
}
