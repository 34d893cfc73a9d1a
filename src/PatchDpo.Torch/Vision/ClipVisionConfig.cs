using PatchDpo.Torch.Text;

namespace PatchDpo.Torch.Vision;

/// <summary>The shape of a CLIP vision encoder.</summary>
/// <remarks>The JSON fields are those of Hugging Face's <c>CLIPVisionConfig</c>.</remarks>
public sealed record ClipVisionConfig : ClipTransformerConfig
{
    /// <summary>Side of the square images, in pixels.</summary>
    public required int ImageSize { get; init => field = Positive(value, nameof(ImageSize)); }

    /// <summary>Side of a patch, in pixels.</summary>
    public required int PatchSize { get; init => field = Positive(value, nameof(PatchSize)); }

    /// <summary>Patches along a side.</summary>
    internal int GridSize => ImageSize / PatchSize;

    internal override void Validate()
    {
        base.Validate();
        if (ImageSize < PatchSize)
            throw new ArgumentException($"An image of {ImageSize} pixels is smaller than a patch of {PatchSize}.");
    }
}
