namespace PatchDpo.Torch.PatchQuality;

/// <summary>The patch quality of one (generated image, reference) pair.</summary>
/// <param name="Generated">p(x_gen): for each patch of the generated image, how well the reference has it.</param>
/// <param name="Reference">p(x_ref): for each patch of the reference, how well the generated image has it.</param>
/// <param name="Score">One number for the pair, in [-1, 1]: see <see cref="PatchQualityEstimator"/>.</param>
public sealed record PatchQualityResult(QualityMap Generated, QualityMap Reference, float Score)
{
    /// <summary>With an <see cref="ObjectAlignment"/>, whether the generated object matches best when it is moved to its reference's place and size.</summary>
    public bool IsMoved { get; init; }
}
