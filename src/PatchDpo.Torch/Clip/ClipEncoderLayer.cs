using PatchDpo.Torch.Foundation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Clip;

/// <summary>A pre-norm transformer layer: attention and MLP, each with a residual. <c>(B,N,D) -> (B,N,D)</c></summary>
/// <remarks>Source: transformers <c>modeling_clip.py</c>, class CLIPEncoderLayer.</remarks>
internal sealed class ClipEncoderLayer : Module<Tensor, Tensor>
{
    private readonly ClipAttention self_attn;
    private readonly LayerNorm layer_norm1;
    private readonly ClipMlp mlp;
    private readonly LayerNorm layer_norm2;

    public ClipEncoderLayer(ClipTransformerConfig config, bool causal, Device? device, ScalarType? dtype) : base(nameof(ClipEncoderLayer))
    {
        self_attn = new ClipAttention(config, causal, device, dtype);
        layer_norm1 = LayerNorm(config.HiddenSize, config.LayerNormEps, device: device, dtype: dtype);
        mlp = new ClipMlp(config, device, dtype);
        layer_norm2 = LayerNorm(config.HiddenSize, config.LayerNormEps, device: device, dtype: dtype);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        x = x.Plus(self_attn.call(layer_norm1.call(x)));
        return x.Plus(mlp.call(layer_norm2.call(x))).MoveToOuterDisposeScope();
    }
}
