using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Evaluation;

namespace PatchDpo.Tool.Evaluate;

/// <summary>What a shard keeps of a combination.</summary>
/// <param name="Metrics">Its scores.</param>
/// <param name="TruncatedCaptions">Its captions that were cut, by their places in the combination.</param>
internal sealed record MeasuredCombination(Concept101CombinationMetrics Metrics, IReadOnlyList<TruncatedPrompt> TruncatedCaptions);
