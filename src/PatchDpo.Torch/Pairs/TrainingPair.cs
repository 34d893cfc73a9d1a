using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Torch.Pairs;

/// <summary>A generated image with the prompt and the reference that it was made from, and the quality of both images' patches.</summary>
/// <param name="Prompt">The text prompt.</param>
/// <param name="Reference">
/// The reference image x_ref: the first of the two training images, and the image prompt unless <see cref="ImagePrompts"/> says otherwise.
/// </param>
/// <param name="Generated">The generated image x_gen, the second training image.</param>
/// <param name="ReferenceQuality">p(x_ref): for each patch of the reference, how well the generated image shows it; any grid.</param>
/// <param name="GeneratedQuality">p(x_gen): for each patch of the generated image, how well it shows the reference; any grid.</param>
public sealed record TrainingPair(string Prompt, ImageBuffer Reference, ImageBuffer Generated, QualityMap ReferenceQuality, QualityMap GeneratedQuality)
{
    /// <summary>
    /// The image prompt of a pair with several objects: an image of each, whose token sets stand beside one another
    /// (<see cref="Adapters.ReferenceFusion.Concatenate"/>). Null (default): the reference is the image prompt.
    /// </summary>
    /// <remarks>The reference is still what is trained on, for instance the objects side by side (<see cref="ReferenceMontage"/>).</remarks>
    public IReadOnlyList<ReferenceImage>? ImagePrompts { get; init; }
}
