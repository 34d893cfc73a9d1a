using static TorchSharp.torch;

namespace PatchDpo.Torch.Images;

/// <summary>Turns an image into a model's normalised input.</summary>
public interface IImagePreprocessor
{
    /// <summary>Resizes, crops and normalises one image.</summary>
    /// <param name="image">Any size; grey and RGBA are brought to RGB as the reference does it.</param>
    /// <returns>Float32 on the CPU, <c>(3,H,W)</c>; the caller disposes it.</returns>
    Tensor Preprocess(ImageBuffer image);
}
