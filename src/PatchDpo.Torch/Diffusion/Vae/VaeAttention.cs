using PatchDpo.Torch.Diffusion.Blocks;
using PatchDpo.Torch.Foundation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Vae;

/// <summary>One-head self-attention over all pixels, with a residual connection: <c>(B,C,H,W) -> (B,C,H,W)</c>.</summary>
/// <remarks>diffusers 0.23.1, models/attention_processor.py, Attention as the autoencoder's mid block uses it; group norm eps 1e-6.</remarks>
internal sealed class VaeAttention : nn.Module<Tensor, Tensor>
{
    private readonly GroupNorm group_norm;
    private readonly Linear to_q;
    private readonly Linear to_k;
    private readonly Linear to_v;
    private readonly ModuleList<Linear> to_out;

    public VaeAttention(int channels, int groups, Device? device, ScalarType? dtype) : base(nameof(VaeAttention))
    {
        group_norm = Norms.GroupNorm(groups, channels, 1e-6, device, dtype);
        to_q = nn.Linear(channels, channels, device: device, dtype: dtype);
        to_k = nn.Linear(channels, channels, device: device, dtype: dtype);
        to_v = nn.Linear(channels, channels, device: device, dtype: dtype);
        to_out = nn.ModuleList(nn.Linear(channels, channels, device: device, dtype: dtype));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        long[] shape = input.shape;
        Tensor tokens = group_norm.call(input).flatten(2).transpose(1, 2);
        Tensor attended = nn.functional.scaled_dot_product_attention(
            to_q.call(tokens).unsqueeze(1), to_k.call(tokens).unsqueeze(1), to_v.call(tokens).unsqueeze(1)).squeeze(1);
        Tensor output = to_out[0].call(attended).transpose(1, 2).reshape(shape);
        return output.Plus(input).MoveToOuterDisposeScope();
    }
}
