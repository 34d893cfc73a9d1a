using PatchDpo.Torch.Foundation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Vision.Dino;

/// <summary>A pre-norm transformer block: attention and MLP, each with a residual and, in DINOv2, a learned scale. <c>(B,N,D) -> (B,N,D)</c></summary>
/// <remarks>Source: facebookresearch/dino <c>vision_transformer.py</c>, class Block, and facebookresearch/dinov2 <c>layers/block.py</c>.</remarks>
internal sealed class VitBlock : Module<Tensor, Tensor>
{
    private readonly LayerNorm norm1;
    private readonly VitAttention attn;
    private readonly VitLayerScale? ls1;
    private readonly LayerNorm norm2;
    private readonly VitMlp mlp;
    private readonly VitLayerScale? ls2;

    public VitBlock(int dim, int heads, int hidden, bool qkvBias, double normEps, double? layerScale, Device? device, ScalarType? dtype)
        : base(nameof(VitBlock))
    {
        norm1 = LayerNorm(dim, normEps, device: device, dtype: dtype);
        attn = new VitAttention(dim, heads, qkvBias, device, dtype);
        norm2 = LayerNorm(dim, normEps, device: device, dtype: dtype);
        mlp = new VitMlp(dim, hidden, device, dtype);
        if (layerScale is double scale)
        {
            ls1 = new VitLayerScale(dim, scale, device, dtype);
            ls2 = new VitLayerScale(dim, scale, device, dtype);
        }
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        x = x.Plus(Scale(ls1, attn.call(norm1.call(x))));
        return x.Plus(Scale(ls2, mlp.call(norm2.call(x)))).MoveToOuterDisposeScope();
    }

    /// <summary>This block's attention probabilities. <c>(B,N,D) -> (B,heads,N,N)</c></summary>
    public Tensor AttentionProbabilities(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        return attn.Probabilities(norm1.call(x)).MoveToOuterDisposeScope();
    }

    private static Tensor Scale(VitLayerScale? scale, Tensor x) => scale is null ? x : scale.call(x);
}
