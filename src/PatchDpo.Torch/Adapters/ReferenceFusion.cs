namespace PatchDpo.Torch.Adapters;

/// <summary>How several reference images become one image prompt.</summary>
public enum ReferenceFusion
{
    /// <summary>They show one object: their tokens are averaged after the projection (the official generate_multi).</summary>
    Average,

    /// <summary>Each shows another object: their tokens stand beside one another, and the network attends to all of them.</summary>
    Concatenate,
}
