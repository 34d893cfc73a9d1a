namespace PatchDpo.Torch.PatchQuality;

/// <summary>
/// Views of a reference, smaller or mirrored, that patches may match beside the reference itself: p is then the maximum over all of them.
/// </summary>
/// <remarks>
/// Not in the paper. Patch features of most encoders change when an object is turned or shrunk, so that what a prompt asked for ("facing left", "a small
/// cat") counts as a fault. Each view is encoded once a reference, as an image of the reference's size; n views cost n encodings a reference and n
/// similarity matrices a pair.
/// </remarks>
public sealed class ReferenceViews
{
    private const double LeastScale = 0.25;
    private const int MostScales = 8;

    /// <summary>
    /// The sizes of further views, as shares of the reference's, each once, at most 8, in [0.25, 1): the shrunk reference stands in the middle of a picture
    /// in its border's colour, which matches nothing. The reference in its own size is always a view. Default: none.
    /// </summary>
    /// <exception cref="ArgumentNullException">The list is null.</exception>
    /// <exception cref="ArgumentException">There are too many, or one appears twice.</exception>
    /// <exception cref="ArgumentOutOfRangeException">One is outside [0.25, 1).</exception>
    public IReadOnlyList<double> Scales { get; init => field = Checked(value); } = [];

    /// <summary>Whether each view also stands mirrored, left to right. Default: false.</summary>
    public bool Mirrored { get; init; }

    /// <summary>Every view, the reference itself first.</summary>
    internal ReferenceView[] All()
        => [.. Scales.Prepend(1).SelectMany(scale => Mirrored ? new ReferenceView[] { new(scale, false), new(scale, true) } : [new(scale, false)])];

    private static double[] Checked(IReadOnlyList<double> scales)
    {
        ArgumentNullException.ThrowIfNull(scales, nameof(Scales));
        if (scales.Count > MostScales || scales.Distinct().Count() != scales.Count)
            throw new ArgumentException($"Views have at most {MostScales} different scales, not [{string.Join(", ", scales)}].", nameof(Scales));
        foreach (double scale in scales)
            if (!(scale is >= LeastScale and < 1))
                throw new ArgumentOutOfRangeException(nameof(Scales), scale, $"A view's scale lies in [{LeastScale}, 1).");
        return [.. scales];
    }
}
