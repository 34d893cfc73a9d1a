using PatchDpo.Torch.Images;

namespace Ablation;

/// <summary>A held-out request with its truth.</summary>
/// <param name="Subject">Scores are averaged by it first.</param>
/// <param name="Prompt">The text.</param>
/// <param name="Objects">What the image should show.</param>
/// <param name="Shown">Of an image: for each thing that the prompt changes, whether it is there.</param>
internal sealed record HeldOutCase(string Subject, string Prompt, IReadOnlyList<HeldOutObject> Objects, Func<ImageBuffer, IEnumerable<bool>> Shown);
