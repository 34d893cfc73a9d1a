using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Vision.Vit;

/// <summary>A pre-norm transformer block: attention and MLP, each with a residual. <c>(B,N,D) -> (B,N,D)</c></summary>
/// <remarks>Source: facebookresearch/dino <c>vision_transformer.py</c>, class Block.</remarks>
internal sealed class VitBlock : Module<Tensor, Tensor>
{
    private readonly LayerNorm norm1;
    private readonly VitAttention attn;
    private readonly LayerNorm norm2;
    private readonly VitMlp mlp;

    public VitBlock(int dim, int heads, int hidden, bool qkvBias, double normEps, Device? device, ScalarType? dtype) : base(nameof(VitBlock))
    {
        norm1 = LayerNorm(dim, normEps, device: device, dtype: dtype);
        attn = new VitAttention(dim, heads, qkvBias, device, dtype);
        norm2 = LayerNorm(dim, normEps, device: device, dtype: dtype);
        mlp = new VitMlp(dim, hidden, device, dtype);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        x = x + attn.call(norm1.call(x));
        return (x + mlp.call(norm2.call(x))).MoveToOuterDisposeScope();
    }

    /// <summary>This block's attention probabilities. <c>(B,N,D) -> (B,heads,N,N)</c></summary>
    public Tensor AttentionProbabilities(Tensor x)
    {
        using var scope = NewDisposeScope();
        return attn.Probabilities(norm1.call(x)).MoveToOuterDisposeScope();
    }
}
