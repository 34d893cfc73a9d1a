namespace PatchDpo.Torch.Images;

/// <summary>Hugging Face's <c>CLIPImageProcessor</c>: RGB, shorter side resized, centre crop, CLIP normalisation.</summary>
/// <remarks>
/// transformers 4.35. Its crop starts at floor((size - crop) / 2), torchvision's at the half rounded to even: one pixel apart when (size - crop) mod
/// 4 is 3.
/// </remarks>
public sealed class HfClipPreprocessor : ResizeCropPreprocessor
{
    /// <summary>Sets the sizes.</summary>
    /// <param name="resizeTo">Shorter side in pixels (<c>size.shortest_edge</c>).</param>
    /// <param name="cropTo">Side of the crop in pixels (<c>crop_size</c>).</param>
    /// <param name="normalization">Null for <see cref="PixelNormalization.Clip"/>.</param>
    /// <param name="filter">How to resize; the processor's default is bicubic. The official training script resizes its image prompts bilinear.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1.</exception>
    public HfClipPreprocessor(int resizeTo = 224, int cropTo = 224, PixelNormalization? normalization = null, ResampleFilter filter = ResampleFilter.Bicubic)
        : base(resizeTo, cropTo, filter, normalization ?? PixelNormalization.Clip)
    {
    }

    // An arithmetic shift floors; for a smaller image that is the ceiling of the padding, as the processor has it.
    private protected override int CenterOffset(int spare) => spare >> 1;
}
