namespace PatchDpo.Torch.PatchQuality;

/// <summary>How patch quality becomes the weight of the training loss.</summary>
/// <remarks>The paper does not say how p becomes the weight; every choice here is ours.</remarks>
public sealed class WeightMapOptions
{
    /// <summary>Identity (default) or MinMax over the data set.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not one of the kinds.</exception>
    public WeightMapKind Kind
    {
        get;
        init => field = Enum.IsDefined(value) ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "Kind is Identity or MinMax.");
    }

    /// <summary>The exponent applied to the scaled value, more than 0. 1 (default) changes nothing; above 1 only the best patches keep weight.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not a finite number above 0.</exception>
    public double Contrast
    {
        get;
        init => field = double.IsFinite(value) && value > 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "Contrast is a finite number above 0.");
    } = 1;

    /// <summary>MinMax: the percentile of p that becomes 0, in [0, 100] and below <see cref="HighPercentile"/>; 2 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside [0, 100].</exception>
    public double LowPercentile { get; init => field = Percentile(value, nameof(LowPercentile)); } = 2;

    /// <summary>MinMax: the percentile of p that becomes 1, in [0, 100]; 98 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside [0, 100].</exception>
    public double HighPercentile { get; init => field = Percentile(value, nameof(HighPercentile)); } = 98;

    private static double Percentile(double value, string name)
        => value is >= 0 and <= 100 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, $"{name} lies in [0, 100].");
}
