namespace PatchDpo.Torch.Evaluation;

/// <summary>Concept101's scores of one combination.</summary>
/// <param name="ClipT">Mean over the generations of 2.5 max(cos, 0) of picture and caption.</param>
/// <param name="ClipI">Of each object: the mean over all (generation, photo) pairs of the cosine of CLIP embeddings.</param>
/// <param name="Dino">The same of DINO's class tokens.</param>
internal sealed record CombinationScores(double ClipT, IReadOnlyList<double> ClipI, IReadOnlyList<double> Dino);
