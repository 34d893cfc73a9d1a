using PatchDpo.Torch.Diffusion.Blocks;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.UNet;

/// <summary>
/// Residual blocks, each followed by attention on levels that have it, then a halving: <c>(B,Cin,H,W) -> (B,Cout,H/2,W/2)</c>.
/// Each intermediate result is left in <see cref="UNetPass.Skips"/>.
/// </summary>
/// <remarks>diffusers 0.23.1, models/unet_2d_blocks.py, DownBlock2D and CrossAttnDownBlock2D.</remarks>
internal sealed class UNetDownBlock : nn.Module<Tensor, UNetPass, Tensor>
{
    private readonly ModuleList<Transformer2DModel>? attentions;
    private readonly ModuleList<ResnetBlock2D> resnets;
    private readonly ModuleList<Downsample2D>? downsamplers;

    public UNetDownBlock(UNetBlockOptions options, int inChannels, int outChannels, int layers, bool downsample)
        : base(nameof(UNetDownBlock))
    {
        if (options.Transformers > 0)
            attentions = new ModuleList<Transformer2DModel>([.. Enumerable.Range(0, layers).Select(_ => options.Attention(outChannels))]);
        resnets = new ModuleList<ResnetBlock2D>([.. Enumerable.Range(0, layers)
            .Select(i => options.Resnet(i == 0 ? inChannels : outChannels, outChannels))]);
        if (downsample)
        {
            downsamplers = new ModuleList<Downsample2D>(new Downsample2D(
                outChannels, outChannels, options.Config.DownsamplePadding, options.Device, options.Type));
        }
        RegisterComponents();
    }

    /// <summary>The attentions in order.</summary>
    public IEnumerable<Transformer2DModel> Attentions => attentions ?? [];

    /// <inheritdoc/>
    public override Tensor forward(Tensor input, UNetPass pass)
    {
        Tensor x = input;
        for (int i = 0; i < resnets.Count; i++)
        {
            ResnetBlock2D resnet = resnets[i];
            x = pass.Apply(v => resnet.call(v, pass.TimeEmbedding), x);
            if (attentions is not null)
            {
                using Tensor before = x;
                x = attentions[i].call(before, pass);
            }
            pass.Skips.Push(x);
        }
        if (downsamplers is not null)
        {
            x = downsamplers[0].call(x);
            pass.Skips.Push(x);
        }
        return x;
    }
}
