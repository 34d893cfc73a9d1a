using PatchDpo.Torch.Personalization;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>How far a build is.</summary>
/// <param name="Stage">What is being made.</param>
/// <param name="Completed">How many of it there are, those of earlier runs included.</param>
/// <param name="Total">How many there will be.</param>
/// <param name="Reused">How many of them come from earlier runs.</param>
/// <param name="Rejected">Candidates rejected so far.</param>
/// <param name="Generation">How far the batch is that is being generated; null between batches.</param>
public sealed record PairBuildProgress(PairBuildStage Stage, int Completed, int Total, int Reused, int Rejected, GenerationProgress? Generation);
