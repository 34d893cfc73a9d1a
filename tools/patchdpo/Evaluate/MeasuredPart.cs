using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Evaluation;

namespace PatchDpo.Tool.Evaluate;

/// <summary>What a shard keeps of some images.</summary>
/// <param name="Images">Their scores, by their places in the part.</param>
/// <param name="TruncatedPrompts">Their prompts that were cut, by the same.</param>
internal sealed record MeasuredPart(IReadOnlyList<ImageMetrics> Images, IReadOnlyList<TruncatedPrompt> TruncatedPrompts);
