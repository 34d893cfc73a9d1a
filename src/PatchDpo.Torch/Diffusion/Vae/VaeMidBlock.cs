using PatchDpo.Torch.Diffusion.Blocks;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Vae;

/// <summary>Residual block, self-attention, residual block: <c>(B,C,H,W) -> (B,C,H,W)</c>.</summary>
internal sealed class VaeMidBlock : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<VaeAttention> attentions;
    private readonly ModuleList<ResnetBlock2D> resnets;

    public VaeMidBlock(int channels, VaeConfig config, Device? device, ScalarType? dtype) : base(nameof(VaeMidBlock))
    {
        attentions = nn.ModuleList(new VaeAttention(channels, config.NormGroups, device, dtype));
        resnets = nn.ModuleList(VaeResnets.Create(channels, channels, 2, config, device, dtype));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = resnets[0].call(input, null);
        x = attentions[0].call(x);
        return resnets[1].call(x, null).MoveToOuterDisposeScope();
    }
}
