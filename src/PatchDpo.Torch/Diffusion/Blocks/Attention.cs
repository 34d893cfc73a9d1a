using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Blocks;

/// <summary>
/// Multi-head attention over itself or over text, where a branch may bring in an image prompt: <c>(B,N,C), (B,T,Ctext)?, place? -> (B,N,C)</c>.
/// </summary>
/// <remarks>diffusers 0.23.1, models/attention_processor.py: to_out(softmax(q k^T / sqrt(C/heads)) v).</remarks>
internal sealed class Attention : nn.Module<Tensor, Tensor?, ImagePromptPlace?, Tensor>
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
        int source = contextChannels ?? channels;
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
    public int LayerIndex { get; set; } = -1;

    /// <inheritdoc/>
    public override Tensor forward(Tensor input, Tensor? context, ImagePromptPlace? place)
    {
        using DisposeScope scope = NewDisposeScope();
        CrossAttentionCall call = new(
            LayerIndex, _heads, _upcast, input, context ?? input, (place?.Height ?? input.shape[1], place?.Width ?? 1), to_q.call, to_k.call, to_v.call);
        Tensor merged = call.MergeHeads(place?.Branch.Attend(call) ?? call.AttendToText());
        return to_out[0].call(_upcast ? merged.to_type(input.dtype) : merged).MoveToOuterDisposeScope();
    }
}
