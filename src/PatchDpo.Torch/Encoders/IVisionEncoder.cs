using PatchDpo.Torch.Images;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Encoders;

/// <summary>An image encoder that gives a feature of the whole image and a map of patch features.</summary>
public interface IVisionEncoder : IDisposable
{
    /// <summary>How an image becomes this encoder's input.</summary>
    IImagePreprocessor Preprocessor { get; }

    /// <summary>The device that the weights are on.</summary>
    Device Device { get; }

    /// <summary>Encodes a batch.</summary>
    /// <param name="pixels">Normalised pixels on <see cref="Device"/>, <c>(B,3,H,W)</c>.</param>
    /// <returns>Features that the caller disposes.</returns>
    /// <exception cref="ArgumentException">The shape is not one that this encoder takes.</exception>
    VisionFeatures Encode(Tensor pixels);
}
