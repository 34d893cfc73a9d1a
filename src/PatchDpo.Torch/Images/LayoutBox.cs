namespace PatchDpo.Torch.Images;

/// <summary>Where an object lies in a picture that is to be generated, in fractions of the picture's width and height.</summary>
public sealed record LayoutBox
{
    /// <summary>Makes a box.</summary>
    /// <param name="left">Left edge, 0 to 1.</param>
    /// <param name="top">Top edge, 0 to 1.</param>
    /// <param name="right">Right edge, above <paramref name="left"/> and at most 1.</param>
    /// <param name="bottom">Bottom edge, above <paramref name="top"/> and at most 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The box lies outside the picture, or is empty.</exception>
    public LayoutBox(double left, double top, double right, double bottom)
    {
        Check(left, right, nameof(right), "left to right");
        Check(top, bottom, nameof(bottom), "top to bottom");
        (Left, Top, Right, Bottom) = (left, top, right, bottom);
    }

    /// <summary>Left edge.</summary>
    public double Left { get; }

    /// <summary>Top edge.</summary>
    public double Top { get; }

    /// <summary>Right edge.</summary>
    public double Right { get; }

    /// <summary>Bottom edge.</summary>
    public double Bottom { get; }

    private static void Check(double first, double second, string name, string direction)
    {
        // Also false for NaN.
        if (!(first >= 0 && first < second && second <= 1))
        {
            throw new ArgumentOutOfRangeException(name, second, FormattableString.Invariant(
                $"A box from {first} to {second} ({direction}) does not lie in the picture, whose edges are 0 and 1, or is empty."));
        }
    }
}
