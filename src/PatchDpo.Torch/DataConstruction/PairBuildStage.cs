namespace PatchDpo.Torch.DataConstruction;

/// <summary>The stages of building a data set, in order.</summary>
public enum PairBuildStage
{
    /// <summary>References are drawn and filtered.</summary>
    References,

    /// <summary>Images are generated of the references, and scored.</summary>
    Pairs,
}
