using PatchDpo.Torch.Diffusion.Blocks;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Vae;

/// <summary>Residual blocks and, but for the finest resolution, a doubling: <c>(B,Cin,H,W) -> (B,Cout,2H,2W)</c>.</summary>
/// <remarks>diffusers 0.23.1, models/unet_2d_blocks.py, UpDecoderBlock2D: one residual block more than the encoder's.</remarks>
internal sealed class VaeUpBlock : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<ResnetBlock2D> resnets;
    private readonly ModuleList<Upsample2D>? upsamplers;

    public VaeUpBlock(int inChannels, int outChannels, bool doubles, VaeConfig config, Device? device, ScalarType? dtype)
        : base(nameof(VaeUpBlock))
    {
        resnets = nn.ModuleList(VaeResnets.Create(inChannels, outChannels, config.LayersPerBlock + 1, config, device, dtype));
        if (doubles)
            upsamplers = nn.ModuleList(new Upsample2D(outChannels, outChannels, device, dtype));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = input;
        foreach (ResnetBlock2D resnet in resnets)
            x = resnet.call(x, null);
        if (upsamplers is not null)
            x = upsamplers[0].call(x, null);
        return x.MoveToOuterDisposeScope();
    }
}
