namespace PatchDpo.Torch.Evaluation;

/// <summary>How well a combination's pictures show one of its objects.</summary>
/// <param name="Concept">The object's folder in the data set.</param>
/// <param name="Photos">Its photos.</param>
/// <param name="ClipI">Mean over all (picture, photo) pairs of the cosine of CLIP embeddings; null where it was not measured.</param>
/// <param name="Dino">The same of DINO's class tokens; null where it was not measured.</param>
public sealed record Concept101ObjectMetrics(string Concept, int Photos, double? ClipI, double? Dino);
