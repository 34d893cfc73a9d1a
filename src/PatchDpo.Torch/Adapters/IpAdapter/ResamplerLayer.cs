using PatchDpo.Torch.Foundation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.IpAdapter;

/// <summary>Attention and feed-forward of one Resampler layer, each added to the latents: <c>(B,N,D), (B,Q,D) -> (B,Q,D)</c>.</summary>
/// <remarks>IP-Adapter, resampler.py: keys "0" (attention) and "1" (norm, linear, gelu, linear).</remarks>
internal sealed class ResamplerLayer : nn.Module<Tensor, Tensor, Tensor>
{
    // A tuple, because modules in fields would be registered once more under the fields' names, and digits are no names.
    private readonly (PerceiverAttention Attention, Sequential FeedForward) _parts;

    public ResamplerLayer(int channels, int heads, int headChannels, int multiple, Device? device = null, ScalarType? dtype = null)
        : base(nameof(ResamplerLayer))
    {
        Sequential feedForward = nn.Sequential(
            ("0", nn.LayerNorm(channels, device: device, dtype: dtype)),
            ("1", nn.Linear(channels, channels * multiple, hasBias: false, device, dtype)),
            ("2", nn.GELU()),
            ("3", nn.Linear(channels * multiple, channels, hasBias: false, device, dtype)));
        _parts = (new PerceiverAttention(channels, heads, headChannels, device, dtype), feedForward);
        register_module("0", _parts.Attention);
        register_module("1", _parts.FeedForward);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor features, Tensor latents)
    {
        using DisposeScope scope = NewDisposeScope();
        latents = latents.Plus(_parts.Attention.call(features, latents));
        return latents.Plus(_parts.FeedForward.call(latents)).MoveToOuterDisposeScope();
    }
}
