using PatchDpo.Torch.Foundation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Vision.Dino;

/// <summary>Multi-head self-attention with one projection for queries, keys and values. <c>(B,N,D) -> (B,N,D)</c></summary>
/// <remarks>Source: facebookresearch/dino <c>vision_transformer.py</c>, class Attention (also DINOv2's).</remarks>
internal sealed class VitAttention : Module<Tensor, Tensor>
{
    private readonly int _heads;
    private readonly Linear qkv;
    private readonly Linear proj;

    public VitAttention(int dim, int heads, bool qkvBias, Device? device, ScalarType? dtype) : base(nameof(VitAttention))
    {
        _heads = heads;
        qkv = Linear(dim, 3L * dim, qkvBias, device, dtype);
        proj = Linear(dim, dim, true, device, dtype);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor q, Tensor k, Tensor v) = Split(x);
        Tensor y = functional.scaled_dot_product_attention(q, k, v);
        return proj.call(y.transpose(1, 2).reshape(x.shape)).MoveToOuterDisposeScope();
    }

    /// <summary>The attention probabilities. <c>(B,N,D) -> (B,heads,N,N)</c></summary>
    public Tensor Probabilities(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor q, Tensor k, _) = Split(x);
        return q.Times(1 / Math.Sqrt(q.shape[^1])).matmul(k.transpose(-2, -1)).softmax(-1).MoveToOuterDisposeScope();
    }

    private (Tensor Q, Tensor K, Tensor V) Split(Tensor x)
    {
        long b = x.shape[0], n = x.shape[1], d = x.shape[2];
        Tensor[] parts = qkv.call(x).reshape(b, n, 3, _heads, d / _heads).permute(2, 0, 3, 1, 4).unbind(0);
        return (parts[0], parts[1], parts[2]);
    }
}
