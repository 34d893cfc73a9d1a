namespace PatchDpo.Torch.PatchEncoders;

/// <summary>A plane's projective map between two images, in unit coordinates: (0,0) is an image's top left corner, (1,1) its bottom right one.</summary>
/// <remarks>The centre of patch (row, column) of an h x w grid is <c>((column + 0.5) / w, (row + 0.5) / h)</c>; pixels have their centres likewise.</remarks>
public sealed class Homography
{
    private readonly double[] _m;

    /// <summary>Takes the nine coefficients, row by row.</summary>
    /// <param name="coefficients">
    /// A 3 x 3 matrix that can be inverted: <c>(x', y', w') = M (x, y, 1)</c>, and the mapped point is <c>(x'/w', y'/w')</c>.
    /// </param>
    /// <exception cref="ArgumentException">Not nine finite numbers, or the matrix is singular.</exception>
    public Homography(IReadOnlyList<double> coefficients)
    {
        ArgumentNullException.ThrowIfNull(coefficients);
        if (coefficients.Count != 9 || !coefficients.All(double.IsFinite))
            throw new ArgumentException("A homography has 9 finite coefficients.", nameof(coefficients));
        _m = [.. coefficients];
        double scale = _m.Max(Math.Abs);
        if (Math.Abs(Determinant(_m)) <= 1e-14 * scale * scale * scale)
            throw new ArgumentException("The homography's matrix is singular.", nameof(coefficients));
    }

    /// <summary>The map that changes nothing.</summary>
    public static Homography Identity { get; } = new([1, 0, 0, 0, 1, 0, 0, 0, 1]);

    /// <summary>The nine coefficients, row by row.</summary>
    public IReadOnlyList<double> Coefficients => _m;

    /// <summary>Brings a homography between pixel coordinates (HPatches, OpenCV: (0,0) is the centre of the first pixel) to unit coordinates.</summary>
    /// <param name="coefficients">Row by row; from pixels of the first image to pixels of the second.</param>
    /// <param name="firstWidth">Width of the first image that the coefficients speak of.</param>
    /// <param name="firstHeight">Its height.</param>
    /// <param name="secondWidth">Width of the second image that the coefficients speak of.</param>
    /// <param name="secondHeight">Its height.</param>
    public static Homography FromPixels(IReadOnlyList<double> coefficients, int firstWidth, int firstHeight, int secondWidth, int secondHeight)
    {
        Homography toPixels = new([firstWidth, 0, -0.5, 0, firstHeight, -0.5, 0, 0, 1]);
        Homography fromPixels = new([1.0 / secondWidth, 0, 0.5 / secondWidth, 0, 1.0 / secondHeight, 0.5 / secondHeight, 0, 0, 1]);
        return toPixels.Then(new Homography(coefficients)).Then(fromPixels);
    }

    /// <summary>The map from the unit square to a quadrilateral.</summary>
    /// <param name="topLeft">Where (0,0) goes.</param>
    /// <param name="topRight">Where (1,0) goes.</param>
    /// <param name="bottomRight">Where (1,1) goes.</param>
    /// <param name="bottomLeft">Where (0,1) goes.</param>
    /// <exception cref="ArgumentException">Three of the corners lie on a line.</exception>
    public static Homography FromCorners(
        (double X, double Y) topLeft, (double X, double Y) topRight, (double X, double Y) bottomRight, (double X, double Y) bottomLeft)
    {
        double dx1 = topRight.X - bottomRight.X, dx2 = bottomLeft.X - bottomRight.X, dx3 = topLeft.X - topRight.X + bottomRight.X - bottomLeft.X;
        double dy1 = topRight.Y - bottomRight.Y, dy2 = bottomLeft.Y - bottomRight.Y, dy3 = topLeft.Y - topRight.Y + bottomRight.Y - bottomLeft.Y;
        double denominator = (dx1 * dy2) - (dx2 * dy1);
        if (Math.Abs(denominator) < 1e-14)
            throw new ArgumentException("Three corners of the quadrilateral lie on a line.", nameof(bottomRight));
        double g = ((dx3 * dy2) - (dx2 * dy3)) / denominator, h = ((dx1 * dy3) - (dx3 * dy1)) / denominator;
        return new Homography([
            topRight.X - topLeft.X + (g * topRight.X), bottomLeft.X - topLeft.X + (h * bottomLeft.X), topLeft.X,
            topRight.Y - topLeft.Y + (g * topRight.Y), bottomLeft.Y - topLeft.Y + (h * bottomLeft.Y), topLeft.Y,
            g, h, 1]);
    }

    /// <summary>Maps a point; infinities where it goes to the horizon.</summary>
    public (double X, double Y) Map(double x, double y)
    {
        double w = (_m[6] * x) + (_m[7] * y) + _m[8];
        return (((_m[0] * x) + (_m[1] * y) + _m[2]) / w, ((_m[3] * x) + (_m[4] * y) + _m[5]) / w);
    }

    /// <summary>This map followed by another.</summary>
    /// <param name="next">Applied to what this map gives.</param>
    public Homography Then(Homography next)
    {
        ArgumentNullException.ThrowIfNull(next);
        double[] product = new double[9];
        for (int row = 0; row < 3; row++)
            for (int column = 0; column < 3; column++)
                for (int k = 0; k < 3; k++)
                    product[(row * 3) + column] += next._m[(row * 3) + k] * _m[(k * 3) + column];
        return new Homography(product);
    }

    /// <summary>The map back.</summary>
    public Homography Inverse()
    {
        double[] m = _m;
        double determinant = Determinant(m);
        double[] adjugate =
        [
            (m[4] * m[8]) - (m[5] * m[7]), (m[2] * m[7]) - (m[1] * m[8]), (m[1] * m[5]) - (m[2] * m[4]),
            (m[5] * m[6]) - (m[3] * m[8]), (m[0] * m[8]) - (m[2] * m[6]), (m[2] * m[3]) - (m[0] * m[5]),
            (m[3] * m[7]) - (m[4] * m[6]), (m[1] * m[6]) - (m[0] * m[7]), (m[0] * m[4]) - (m[1] * m[3]),
        ];
        return new Homography(Array.ConvertAll(adjugate, a => a / determinant));
    }

    private static double Determinant(double[] m)
        => (m[0] * ((m[4] * m[8]) - (m[5] * m[7]))) - (m[1] * ((m[3] * m[8]) - (m[5] * m[6]))) + (m[2] * ((m[3] * m[7]) - (m[4] * m[6])));
}
