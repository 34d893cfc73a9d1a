using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Foundation;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Blocks;

/// <summary>
/// Multi-head attention over itself or over text, to which an image prompt can be attended apart (decoupled
/// cross-attention): <c>(B,N,C), (B,T,Ctext)?, image prompt? -> (B,N,C)</c>.
/// </summary>
/// <remarks>
/// diffusers 0.23.1, models/attention_processor.py; IP-Adapter, attention_processor.py:
/// to_out(softmax(q k_text) v_text + scale * softmax(q k_image) v_image) with one shared query.
/// </remarks>
internal sealed class Attention : nn.Module<Tensor, Tensor?, IpAttention?, Tensor>
{
    private readonly Linear to_q;
    private readonly Linear to_k;
    private readonly Linear to_v;
    private readonly ModuleList<Linear> to_out;
    private readonly int _heads;
    private readonly bool _upcast;

    /// <summary>Makes the layer.</summary>
    /// <param name="channels">C; a multiple of <paramref name="heads"/>.</param>
    /// <param name="contextChannels">Ctext; null for self-attention.</param>
    /// <param name="heads">Number of heads.</param>
    /// <param name="upcast">Attend in float32 whatever the weights' type.</param>
    /// <param name="device">Where the weights are made.</param>
    /// <param name="dtype">The weights' type.</param>
    public Attention(int channels, int? contextChannels, int heads, bool upcast = false, Device? device = null, ScalarType? dtype = null)
        : base(nameof(Attention))
    {
        var source = contextChannels ?? channels;
        to_q = nn.Linear(channels, channels, hasBias: false, device, dtype);
        to_k = nn.Linear(source, channels, hasBias: false, device, dtype);
        to_v = nn.Linear(source, channels, hasBias: false, device, dtype);
        to_out = new ModuleList<Linear>(nn.Linear(channels, channels, device: device, dtype: dtype));
        (_heads, _upcast, Channels) = (heads, upcast, channels);
        RegisterComponents();
    }

    /// <summary>C, the width of keys and values.</summary>
    public int Channels { get; }

    /// <summary>This layer's number in the order in which IP-Adapter files count attention layers; -1 before the UNet has numbered it.</summary>
    public int AdapterIndex { get; set; } = -1;

    /// <inheritdoc/>
    public override Tensor forward(Tensor input, Tensor? context, IpAttention? ip)
    {
        using var scope = NewDisposeScope();
        context ??= input;
        var query = Heads(to_q.call(input));
        var attended = Attend(query, Heads(to_k.call(context)), Heads(to_v.call(context)));
        if (ip is { Scale: not 0 })
        {
            var (key, value) = ip.Layers.KeyValue(AdapterIndex, ip.Tokens);
            attended = attended.PlusScaled(Attend(query, Heads(key), Heads(value)), ip.Scale);
        }
        var merged = attended.transpose(1, 2).flatten(2);
        return to_out[0].call(_upcast ? merged.to_type(input.dtype) : merged).MoveToOuterDisposeScope();
    }

    private Tensor Attend(Tensor query, Tensor key, Tensor value) =>
        nn.functional.scaled_dot_product_attention(query, key, value);

    // (B,N,C) -> (B,heads,N,C/heads), a view.
    private Tensor Heads(Tensor x)
    {
        if (_upcast)
            x = x.to_type(ScalarType.Float32);
        return x.unflatten(2, _heads, Channels / _heads).transpose(1, 2);
    }
}
