namespace PatchDpo.Torch.Images;

/// <summary>An image as a preprocessor of this library has resized and cropped it, which is normalised where it is copied: a quarter of the memory.</summary>
/// <param name="rgb">RGB, of the encoder's size.</param>
/// <param name="normalization">Constants per channel.</param>
internal sealed class NormalizedBytes(ImageBuffer rgb, PixelNormalization normalization) : EncoderInput(3, rgb.Height, rgb.Width)
{
    public override void CopyTo(Span<float> values) => ImageTensors.Normalize(rgb, normalization, values);
}
