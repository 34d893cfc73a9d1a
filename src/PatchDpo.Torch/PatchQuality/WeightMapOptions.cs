using PatchDpo.Torch.Foundation;

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
        init => field = ArgumentRange.Member(value);
    }

    /// <summary>The exponent applied to the scaled value, 1e-37 to 1e37. 1 (default) changes nothing; above 1 only the best patches keep weight.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside [1e-37, 1e37].</exception>
    public double Contrast
    {
        get;
        init => field = ArgumentRange.Positive(value);
    } = 1;

    /// <summary>MinMax: the percentile of p that becomes 0, in [0, 100] and below <see cref="HighPercentile"/>; 2 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside [0, 100].</exception>
    public double LowPercentile { get; init => field = ArgumentRange.Within(value, 0.0, 100); } = 2;

    /// <summary>MinMax: the percentile of p that becomes 1, in [0, 100]; 98 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside [0, 100].</exception>
    public double HighPercentile { get; init => field = ArgumentRange.Within(value, 0.0, 100); } = 98;
}
