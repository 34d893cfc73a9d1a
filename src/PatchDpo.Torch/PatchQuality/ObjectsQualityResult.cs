namespace PatchDpo.Torch.PatchQuality;

/// <summary>The patch quality of a generated image of several objects.</summary>
/// <param name="Generated">p(x_gen): for each patch of the generated image, how well any of the objects' references has it.</param>
/// <param name="Objects">The quality against each object's reference alone, in the references' order.</param>
/// <param name="Score">One number, in [-1, 1]: see <see cref="PatchQualityEstimator.ScoreObjects"/>.</param>
public sealed record ObjectsQualityResult(QualityMap Generated, IReadOnlyList<PatchQualityResult> Objects, float Score);
