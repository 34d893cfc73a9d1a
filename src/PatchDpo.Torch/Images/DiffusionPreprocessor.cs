namespace PatchDpo.Torch.Images;

/// <summary>The preprocessing of training images before the VAE: shorter side bilinear, centre crop, -1..1.</summary>
/// <remarks>As the official training script does it (torchvision on PIL images), with resizing and cropping to one size, 512.</remarks>
public sealed class DiffusionPreprocessor : ResizeCropPreprocessor
{
    /// <summary>Resizes and crops to one size.</summary>
    /// <param name="size">Side of the result in pixels; the official script has 512.</param>
    /// <exception cref="ArgumentOutOfRangeException">The size is below 1.</exception>
    public DiffusionPreprocessor(int size = 512)
        : this(size, size)
    {
    }

    /// <summary>Resizes to one size and crops to another.</summary>
    /// <param name="resizeTo">Shorter side in pixels.</param>
    /// <param name="cropTo">Side of the crop in pixels.</param>
    /// <param name="normalization">Null for <see cref="PixelNormalization.MinusOneToOne"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1.</exception>
    public DiffusionPreprocessor(int resizeTo, int cropTo, PixelNormalization? normalization = null)
        : base(resizeTo, cropTo, ResampleFilter.Bilinear, normalization ?? PixelNormalization.MinusOneToOne)
    {
    }

    private protected override int CenterOffset(int spare) => TorchvisionOffset(spare);
}
