namespace PatchDpo.Torch.PatchQuality;

/// <summary>The quality maps of one training pair, as the official <c>patch_quality.pkl</c> holds them.</summary>
/// <param name="Reference">The reference's map (<c>target_map</c>): how well the generation found each of its patches.</param>
/// <param name="Generated">The generated image's map (<c>gene_map</c>).</param>
public sealed record QualityMapPair(QualityMap Reference, QualityMap Generated);
