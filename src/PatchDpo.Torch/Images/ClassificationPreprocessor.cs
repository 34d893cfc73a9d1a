namespace PatchDpo.Torch.Images;

/// <summary>The preprocessing of torchvision's classifiers: shorter side bilinear, centre crop, ImageNet normalisation.</summary>
/// <remarks>Source: torchvision 0.14 <c>transforms/_presets.py</c>, class ImageClassification, on PIL images.</remarks>
public sealed class ClassificationPreprocessor : ResizeCropPreprocessor
{
    /// <summary>Sets the sizes.</summary>
    /// <param name="resizeTo">Shorter side in pixels; torchvision has 256.</param>
    /// <param name="cropTo">Side of the crop in pixels; torchvision has 224.</param>
    /// <param name="normalization">Null for <see cref="PixelNormalization.ImageNet"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1.</exception>
    public ClassificationPreprocessor(int resizeTo = 256, int cropTo = 224, PixelNormalization? normalization = null)
        : base(resizeTo, cropTo, ResampleFilter.Bilinear, normalization ?? PixelNormalization.ImageNet)
    {
    }

    /// <summary>torchvision's crop of 224 of 256 pixels, or as large a part at another size.</summary>
    internal static ClassificationPreprocessor ForSize(int? cropTo, PixelNormalization? normalization = null)
        => cropTo is int size ? new((int)Math.Round(size * 256 / 224.0), size, normalization) : new(normalization: normalization);

    private protected override int CenterOffset(int spare) => TorchvisionOffset(spare);
}
