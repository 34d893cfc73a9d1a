namespace PatchDpo.Torch.Images;

/// <summary>The preprocessing of DINO's evaluation: shorter side bicubic, centre crop, ImageNet normalisation.</summary>
/// <remarks>
/// The reference (torchvision's Resize, CenterCrop, ToTensor, Normalize on PIL images) fails on grey and RGBA; here they are brought to RGB first.
/// </remarks>
public sealed class DinoPreprocessor : ResizeCropPreprocessor
{
    /// <summary>Sets the sizes.</summary>
    /// <param name="resizeTo">Shorter side in pixels; the reference has 256.</param>
    /// <param name="cropTo">Side of the crop in pixels; the reference has 224.</param>
    /// <param name="normalization">Null for <see cref="PixelNormalization.ImageNet"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1.</exception>
    public DinoPreprocessor(int resizeTo = 256, int cropTo = 224, PixelNormalization? normalization = null)
        : base(resizeTo, cropTo, ResampleFilter.Bicubic, normalization ?? PixelNormalization.ImageNet)
    {
    }

    /// <summary>The reference's crop of 224 of 256 pixels, or as large a part at another size.</summary>
    internal static DinoPreprocessor ForSize(int cropTo) => new((int)Math.Round(cropTo * 256 / 224.0), cropTo);

    private protected override int CenterOffset(int spare) => TorchvisionOffset(spare);
}
