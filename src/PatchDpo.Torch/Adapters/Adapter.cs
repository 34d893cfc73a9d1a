namespace PatchDpo.Torch.Adapters;

/// <summary>A whole adapter as it is loaded; disposing it disposes both parts.</summary>
/// <param name="Encoder">The frozen part, with the image encoder.</param>
/// <param name="Layers">The part in the UNet's cross-attention.</param>
internal sealed record Adapter(ImagePromptEncoder Encoder, AdapterLayers Layers) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        Encoder.Dispose();
        Layers.Dispose();
    }
}
