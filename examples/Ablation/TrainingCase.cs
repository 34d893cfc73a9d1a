using PatchDpo.Torch.Images;

namespace Ablation;

/// <summary>What a training pair is made from.</summary>
/// <param name="Prompt">The text.</param>
/// <param name="Reference">x_ref, one of the two images to train on: the object, or the objects' montage.</param>
/// <param name="ImagePrompts">An image of each object.</param>
internal sealed record TrainingCase(string Prompt, ImageBuffer Reference, IReadOnlyList<ImageBuffer> ImagePrompts);
