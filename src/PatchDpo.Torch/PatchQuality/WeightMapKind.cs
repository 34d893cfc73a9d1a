namespace PatchDpo.Torch.PatchQuality;

/// <summary>How a patch's quality p becomes its weight.</summary>
public enum WeightMapKind
{
    /// <summary>p itself, clamped to [0, 1].</summary>
    Identity,

    /// <summary>p scaled so that two percentiles of the whole data set become 0 and 1, clamped to [0, 1].</summary>
    MinMax,
}
