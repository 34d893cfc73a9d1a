
using PatchDpo.Torch.PatchQuality;

namespace ScoreFolder;

/// <summary>A pair with what the pipeline found.</summary>
internal sealed record ScoredPair(ImagePair Pair, QualityMap Generated, QualityMap Reference, float Score);
