using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.IpAdapter;

/// <summary>A whole IP-Adapter; disposing it disposes both parts.</summary>
/// <param name="Projection">
/// From image features to image prompt tokens: <see cref="Resampler"/>, <see cref="LinearImageProjection"/> or <see cref="MlpImageProjection"/>.
/// </param>
/// <param name="Layers">The keys and values for the UNet's cross-attention.</param>
public sealed record IpAdapterModel(nn.Module<Tensor, Tensor> Projection, IpAdapterLayers Layers) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        Projection.Dispose();
        Layers.Dispose();
    }
}
