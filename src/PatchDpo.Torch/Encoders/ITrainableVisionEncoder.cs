using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Encoders;

/// <summary>An image encoder whose patch features carry gradients, so that they can be trained. Every encoder of this library is one.</summary>
public interface ITrainableVisionEncoder : IVisionEncoder
{
    /// <summary>What <see cref="IVisionEncoder.Encode"/> gives, with gradients where they are on.</summary>
    /// <param name="pixels">Normalised pixels on <see cref="IVisionEncoder.Device"/>, <c>(B,3,H,W)</c>.</param>
    /// <returns>Features that the caller disposes.</returns>
    /// <exception cref="ArgumentException">The shape is not one that this encoder takes.</exception>
    VisionFeatures ForwardFeatures(Tensor pixels);

    /// <summary>
    /// The parameters that the patch features pass through, in the order in which they do: what takes the pixels first, then one group a block.
    /// </summary>
    IReadOnlyList<IReadOnlyList<Parameter>> PatchParameters { get; }
}
