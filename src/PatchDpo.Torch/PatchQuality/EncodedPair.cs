using PatchDpo.Torch.Encoders;

namespace PatchDpo.Torch.PatchQuality;

/// <summary>A pair whose images are encoded.</summary>
/// <param name="Number">The caller's number of it, for errors.</param>
/// <param name="Generated">Features of the generated image.</param>
/// <param name="Views">Those of the reference's views, itself first.</param>
/// <param name="GeneratedMask">The generated image's foreground; null: all of it.</param>
/// <param name="ReferenceMask">The reference's.</param>
internal sealed record EncodedPair(int Number, PatchMap Generated, PatchMap[] Views, bool[,]? GeneratedMask, bool[,]? ReferenceMask)
{
    /// <summary>Whether both can be compared by one matrix product.</summary>
    public bool Fits(EncodedPair other)
        => Generated.HasShapeOf(other.Generated) && Views.Zip(other.Views).All(v => v.First.HasShapeOf(v.Second));
}
