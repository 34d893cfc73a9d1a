using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Clip;

/// <summary>CLIP's multi-head self-attention, causal in the text tower. <c>(B,N,D) -> (B,N,D)</c></summary>
/// <remarks>Source: transformers <c>modeling_clip.py</c>, class CLIPAttention.</remarks>
internal sealed class ClipAttention : Module<Tensor, Tensor>
{
    private readonly int _heads;
    private readonly bool _causal;
    private readonly Linear k_proj;
    private readonly Linear v_proj;
    private readonly Linear q_proj;
    private readonly Linear out_proj;

    public ClipAttention(ClipTransformerConfig config, bool causal, Device? device, ScalarType? dtype) : base(nameof(ClipAttention))
    {
        int dim = config.HiddenSize;
        _heads = config.NumHeads;
        _causal = causal;
        k_proj = Linear(dim, dim, true, device, dtype);
        v_proj = Linear(dim, dim, true, device, dtype);
        q_proj = Linear(dim, dim, true, device, dtype);
        out_proj = Linear(dim, dim, true, device, dtype);
        RegisterComponents();

        double inStd = Math.Pow(dim, -0.5) * Math.Pow(2 * config.NumLayers, -0.5);
        ClipInit.Normal(q_proj, inStd);
        ClipInit.Normal(k_proj, inStd);
        ClipInit.Normal(v_proj, inStd);
        ClipInit.Normal(out_proj, Math.Pow(dim, -0.5));
    }

    public override Tensor forward(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor y = functional.scaled_dot_product_attention(Heads(q_proj.call(x)), Heads(k_proj.call(x)), Heads(v_proj.call(x)), is_casual: _causal);
        return out_proj.call(y.transpose(1, 2).reshape(x.shape)).MoveToOuterDisposeScope();
    }

    private Tensor Heads(Tensor x) => x.reshape(x.shape[0], x.shape[1], _heads, -1).transpose(1, 2);
}
