using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Tool.Score;

/// <summary>A pair with what the pipeline found.</summary>
internal sealed record ScoredPair(ImagePair Pair, QualityMap Generated, QualityMap Reference, float Score);
