using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.Evaluation;

/// <summary>A generated image to evaluate.</summary>
/// <param name="Subject">The id of the subject that the image should show.</param>
/// <param name="Prompt">The text that it should follow.</param>
/// <param name="Generated">The image.</param>
/// <param name="References">Photos of the subject, at least one; exactly one in the Kosmos-G setting.</param>
public sealed record EvaluationRow(string Subject, string Prompt, ImageBuffer Generated, IReadOnlyList<ImageBuffer> References);
