using System.Runtime.CompilerServices;
using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.Personalization;

/// <summary>One image to generate.</summary>
/// <param name="Prompt">What to show.</param>
/// <param name="References">
/// Images of the object, or one of each object: <see cref="GenerationOptions.ReferenceFusion"/> says which. None generates from the text alone, with
/// what the model was trained to take for a missing image as its image prompt (<see cref="PersonalizedModel.EncodeDroppedReference"/>).
/// </param>
[method: OverloadResolutionPriority(1)]
public sealed record GenerationRequest(string Prompt, IReadOnlyList<ReferenceImage> References)
{
    /// <summary>A request with images that nothing more is known of.</summary>
    /// <param name="prompt">What to show.</param>
    /// <param name="references">Images of the object, or one of each object.</param>
    public GenerationRequest(string prompt, IReadOnlyList<ImageBuffer> references) : this(prompt, ReferenceImage.Of(references))
    {
    }

    /// <summary>
    /// Which starting noise the image gets under a seed; null (default) takes the request's index in its call. Set it where one set of images is
    /// generated in several calls. The image is the same then but for rounding, which depends on how many stand in its batch; to the bit it is the
    /// same where calls take the same batches.
    /// </summary>
    public long? NoiseIndex { get; init; }
}
