namespace PatchDpo.Torch.PatchQuality;

/// <summary>
/// Views of a reference, smaller, foreshortened or mirrored, that patches may match beside the reference itself: p is then the maximum over all of them.
/// </summary>
/// <remarks>
/// Not in the paper. Patch features of most encoders change when an object is turned or shrunk, so that what a prompt asked for ("facing left", "a small
/// cat") counts as a fault. Each view is encoded once a reference, as an image of the reference's size; n views cost n encodings a reference and n
/// similarity matrices a pair.
/// </remarks>
public sealed class ReferenceViews
{
    private const int Most = 8;

    /// <summary>
    /// The sizes of further views, as shares of the reference's, each once, at most 8, in [0.25, 1): the shrunk reference stands in the middle of a picture
    /// in its border's colour, which matches nothing. The reference in its own size is always a view. Default: none.
    /// </summary>
    /// <exception cref="ArgumentNullException">The list is null.</exception>
    /// <exception cref="ArgumentException">There are too many, or one appears twice.</exception>
    /// <exception cref="ArgumentOutOfRangeException">One is outside [0.25, 1).</exception>
    public IReadOnlyList<double> Scales { get; init => field = Checked(value, scale => scale is >= 0.25 and < 1, "[0.25, 1)", nameof(Scales)); } = [];

    /// <summary>
    /// Tilts, as affine matching has them (ASIFT: Morel and Yu, SIAM Journal on Imaging Sciences 2009): each gives two further views, the reference's width
    /// divided by it, and its height; for planes that the generation shows obliquely. Each once, at most 8, in (1, 4]. Default: none.
    /// </summary>
    /// <exception cref="ArgumentNullException">The list is null.</exception>
    /// <exception cref="ArgumentException">There are too many, or one appears twice.</exception>
    /// <exception cref="ArgumentOutOfRangeException">One is outside (1, 4].</exception>
    public IReadOnlyList<double> Tilts { get; init => field = Checked(value, tilt => tilt is > 1 and <= 4, "(1, 4]", nameof(Tilts)); } = [];

    /// <summary>Whether each view also stands mirrored, left to right. Default: false.</summary>
    public bool Mirrored { get; init; }

    /// <summary>Every view, the reference itself first.</summary>
    internal ReferenceView[] All()
    {
        IEnumerable<(double Width, double Height)> sizes =
            [.. Scales.Prepend(1).Select(s => (s, s)), .. Tilts.SelectMany(t => new[] { (1 / t, 1.0), (1.0, 1 / t) })];
        bool[] sides = Mirrored ? [false, true] : [false];
        return [.. sizes.SelectMany(_ => sides, (size, mirrored) => new ReferenceView(size.Width, size.Height, mirrored))];
    }

    private static double[] Checked(IReadOnlyList<double> values, Predicate<double> isAllowed, string range, string name)
    {
        ArgumentNullException.ThrowIfNull(values, name);
        if (values.Count > Most || values.Distinct().Count() != values.Count)
            throw new ArgumentException($"{name} are at most {Most} different numbers, not [{string.Join(", ", values)}].", name);
        foreach (double value in values)
            if (!isAllowed(value))
                throw new ArgumentOutOfRangeException(name, value, $"Each of {name} lies in {range}.");
        return [.. values];
    }
}
