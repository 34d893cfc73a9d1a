namespace PatchDpo.Torch.Adapters.Elite;

/// <summary>A whole ELITE; disposing it disposes all parts.</summary>
/// <param name="Global">From a whole picture to words.</param>
/// <param name="Local">From an object to tokens for its patches.</param>
/// <param name="Layers">Both mappers' keys and values for the UNet's cross-attention.</param>
internal sealed record EliteModel(EliteMapper Global, EliteMapper Local, EliteLayers Layers) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        Global.Dispose();
        Local.Dispose();
        Layers.Dispose();
    }
}
