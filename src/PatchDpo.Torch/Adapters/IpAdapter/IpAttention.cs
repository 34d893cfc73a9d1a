using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.IpAdapter;

/// <summary>An image prompt as the UNet's cross-attention takes it.</summary>
/// <param name="Layers">The adapter's keys and values for each cross-attention layer; several adapters can share one UNet.</param>
/// <param name="Tokens">Image prompt tokens, <c>(B,N,C)</c>.</param>
/// <param name="Scale">Weight of the image's attention beside the text's; 0 leaves the text alone.</param>
public sealed record IpAttention(IpAdapterLayers Layers, Tensor Tokens, double Scale);
