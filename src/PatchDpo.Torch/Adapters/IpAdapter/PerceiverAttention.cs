using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.IpAdapter;

/// <summary>Latents that attend to image features and to themselves: <c>(B,N,D), (B,Q,D) -> (B,Q,D)</c>.</summary>
/// <remarks>IP-Adapter, resampler.py, PerceiverAttention; it scales queries and keys by dim_head^-1/4 each, which is attention's usual scale.</remarks>
internal sealed class PerceiverAttention : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly LayerNorm norm1;
    private readonly LayerNorm norm2;
    private readonly Linear to_q;
    private readonly Linear to_kv;
    private readonly Linear to_out;
    private readonly int _heads;
    private readonly int _headChannels;

    public PerceiverAttention(int channels, int heads, int headChannels, Device? device = null, ScalarType? dtype = null)
        : base(nameof(PerceiverAttention))
    {
        (_heads, _headChannels) = (heads, headChannels);
        norm1 = nn.LayerNorm(channels, device: device, dtype: dtype);
        norm2 = nn.LayerNorm(channels, device: device, dtype: dtype);
        to_q = nn.Linear(channels, heads * headChannels, hasBias: false, device, dtype);
        to_kv = nn.Linear(channels, heads * headChannels * 2, hasBias: false, device, dtype);
        to_out = nn.Linear(heads * headChannels, channels, hasBias: false, device, dtype);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor features, Tensor latents)
    {
        using DisposeScope scope = NewDisposeScope();
        latents = norm2.call(latents);
        Tensor[] keyValue = to_kv.call(cat([norm1.call(features), latents], 1)).chunk(2, -1);
        Tensor attended = nn.functional.scaled_dot_product_attention(Heads(to_q.call(latents)), Heads(keyValue[0]), Heads(keyValue[1]));
        return to_out.call(attended.transpose(1, 2).flatten(2)).MoveToOuterDisposeScope();
    }

    private Tensor Heads(Tensor x) => x.unflatten(2, _heads, _headChannels).transpose(1, 2);
}
