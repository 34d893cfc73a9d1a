using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.IpAdapter;

/// <summary>An image prompt that is attended to apart from the text, with the text's queries (decoupled cross-attention).</summary>
/// <remarks>IP-Adapter, attention_processor.py: softmax(q k_text) v_text + scale * softmax(q k_image) v_image, with one shared query.</remarks>
/// <param name="Layers">The adapter's keys and values for each cross-attention layer; several adapters can share one UNet.</param>
/// <param name="Tokens">Image prompt tokens, <c>(B,N,C)</c>.</param>
/// <param name="Scale">Weight of the image's attention beside the text's; 0 leaves the text alone.</param>
public sealed record IpAttention(IpAdapterLayers Layers, Tensor Tokens, double Scale) : IImagePromptBranch
{
    /// <inheritdoc/>
    public void Check(long batch)
    {
        if (Tokens.dim() != 3 || Tokens.shape[0] != batch)
            throw new ArgumentException($"The image prompt's tokens are ({string.Join(',', Tokens.shape)}); ({batch},N,C) is expected.", "imagePrompt");
    }

    /// <inheritdoc/>
    public Tensor Attend(CrossAttentionCall layer)
    {
        ArgumentNullException.ThrowIfNull(layer);
        Tensor text = layer.AttendToText();
        if (Scale == 0)
            return text;
        (Tensor key, Tensor value) = Layers.KeyValue(layer.LayerIndex, Tokens);
        return text.PlusScaled(layer.Attend(layer.SplitHeads(key), layer.SplitHeads(value)), Scale);
    }
}
