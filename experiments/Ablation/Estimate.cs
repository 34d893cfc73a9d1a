namespace Ablation;

/// <summary>How a method's p is estimated.</summary>
internal enum Estimate
{
    /// <summary>By the shipped patch encoder, over the objects alone: of the reference and of the generated image.</summary>
    Masked,

    /// <summary>The same with the encoder as it was before its self-supervised training.</summary>
    BeforeSelfSupervision,

    /// <summary>Over the reference's object and the whole generated image.</summary>
    ReferenceMasks,
}
