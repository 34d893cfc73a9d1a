namespace PatchDpo.Torch.Adapters;

/// <summary>How several reference images become one image prompt.</summary>
public enum ReferenceFusion
{
    /// <summary>They show one object: their tokens are averaged after the projection (the official generate_multi).</summary>
    Average,

    /// <summary>Each shows another object: their tokens stand beside one another, and the network attends to all of them.</summary>
    Concatenate,

    /// <summary>
    /// Each shows another object: the network attends to each apart, and weighs them by where in the picture the objects' names are (MIP-Adapter).
    /// </summary>
    Merge,
}
