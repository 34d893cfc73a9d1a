namespace PatchDpo.Torch.Training;

/// <summary>Which parts of an adapter are trained; all else stays frozen.</summary>
public enum TrainedSet
{
    /// <summary>
    /// The image prompt's keys and values in the network's cross-attention, as the official script has it; with a MIP-Adapter's gates, and for ELITE what
    /// <see cref="Adapters.Elite.EliteLayers.TrainsGlobal"/> says.
    /// </summary>
    KeysAndValues,

    /// <summary>The image projection (linear, Resampler or MLP) that makes an image prompt's tokens; ELITE has none.</summary>
    ImageProjection,

    /// <summary>Both, as IP-Adapter's own training has it.</summary>
    All,
}
