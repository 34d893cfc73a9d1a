using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.PatchQuality;

/// <summary>How a quality map is drawn.</summary>
public sealed class HeatMapOptions
{
    /// <summary>
    /// The quality drawn as worst. Null (default): the map's 2nd percentile, at least 0.2 below <see cref="Best"/>. Set it to compare several images.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Not finite.</exception>
    public float? Worst { get; init => field = Finite(value, nameof(Worst)); }

    /// <summary>The quality drawn as best. Null (default): the map's largest value.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not finite.</exception>
    public float? Best { get; init => field = Finite(value, nameof(Best)); }

    /// <summary>How strongly the worst patches are coloured, in [0, 1]; the best get a third of it. 0.8 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside [0, 1].</exception>
    public double Opacity
    {
        get;
        init => field = ArgumentRange.Share(value);
    } = 0.8;

    /// <summary>
    /// The object's mask, <c>[height, width]</c> of any grid over the image: outside it the image stays grey, and its patches do not count for the range.
    /// Null (default): the map is drawn over all of the image.
    /// </summary>
    public bool[,]? Mask { get; init; }

    private static float? Finite(float? value, string name)
        => value is null || float.IsFinite(value.Value) ? value : throw new ArgumentOutOfRangeException(nameof(value), value, $"{name} is finite, or null.");
}
