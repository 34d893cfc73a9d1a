using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters;

/// <summary>A module that makes an image prompt's tokens of image features, and can be trained.</summary>
internal interface IImageProjection
{
    /// <summary>A copy with its own weights, on the same device, that requires gradients where this does.</summary>
    /// <param name="dtype">The copy's type; null for the same.</param>
    nn.Module Copy(ScalarType? dtype);
}
