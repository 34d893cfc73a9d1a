using PatchDpo.Torch.Diffusion.Blocks;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Vae;

/// <summary>Residual blocks and, but for the last resolution, a halving: <c>(B,Cin,H,W) -> (B,Cout,H/2,W/2)</c>.</summary>
/// <remarks>diffusers 0.23.1, models/unet_2d_blocks.py, DownEncoderBlock2D.</remarks>
internal sealed class VaeDownBlock : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<ResnetBlock2D> resnets;
    private readonly ModuleList<Downsample2D>? downsamplers;

    public VaeDownBlock(int inChannels, int outChannels, bool halves, VaeConfig config, Device? device, ScalarType? dtype)
        : base(nameof(VaeDownBlock))
    {
        resnets = nn.ModuleList(VaeResnets.Create(inChannels, outChannels, config.LayersPerBlock, config, device, dtype));
        if (halves)
            downsamplers = nn.ModuleList(new Downsample2D(outChannels, outChannels, padding: 0, device, dtype));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = input;
        foreach (ResnetBlock2D resnet in resnets)
            x = resnet.call(x, null);
        if (downsamplers is not null)
            x = downsamplers[0].call(x);
        return x.MoveToOuterDisposeScope();
    }
}
