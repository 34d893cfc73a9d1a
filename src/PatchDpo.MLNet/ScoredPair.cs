using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.MLNet;

/// <summary>A pair's quality, and the generated image for a heat map.</summary>
internal sealed record ScoredPair(RowImage Generated, PatchQualityResult Quality);
