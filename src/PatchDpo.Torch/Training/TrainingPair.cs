using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Torch.Training;

/// <summary>A generated image with the prompt and the reference that it was made from, and the quality of both images' patches.</summary>
/// <param name="Prompt">The text prompt.</param>
/// <param name="Reference">The reference image x_ref: image prompt, and the first of the two training images.</param>
/// <param name="Generated">The generated image x_gen, the second training image.</param>
/// <param name="ReferenceQuality">p(x_ref): for each patch of the reference, how well the generated image shows it; any grid.</param>
/// <param name="GeneratedQuality">p(x_gen): for each patch of the generated image, how well it shows the reference; any grid.</param>
public sealed record TrainingPair(string Prompt, ImageBuffer Reference, ImageBuffer Generated, QualityMap ReferenceQuality, QualityMap GeneratedQuality);
