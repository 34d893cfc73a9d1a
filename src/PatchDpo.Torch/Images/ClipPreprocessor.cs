namespace PatchDpo.Torch.Images;

/// <summary>OpenAI CLIP's <c>preprocess</c>: shorter side bicubic, centre crop, RGB, CLIP normalisation.</summary>
/// <remarks>
/// openai/CLIP clip.py resizes BEFORE it converts to RGB, so an RGBA image is resized with alpha premultiplied; Hugging Face's
/// processor (<see cref="HfClipPreprocessor"/>) converts first. Palette images, which Pillow resizes with nearest, were brought to RGB
/// when they were decoded and are resized bicubic here.
/// </remarks>
public sealed class ClipPreprocessor : ResizeCropPreprocessor
{
    /// <summary>Sets the size.</summary>
    /// <param name="size">Shorter side and crop in pixels; ViT-B/32 has 224.</param>
    /// <param name="normalization">Null for <see cref="PixelNormalization.Clip"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The size is below 1.</exception>
    public ClipPreprocessor(int size = 224, PixelNormalization? normalization = null)
        : base(size, size, ResampleFilter.Bicubic, normalization ?? PixelNormalization.Clip)
    {
    }

    /// <inheritdoc/>
    public override ImageBuffer ResizeAndCrop(ImageBuffer image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return ResizeShorterSideAndCrop(image).ToRgb();
    }

    private protected override int CenterOffset(int spare) => TorchvisionOffset(spare);
}
