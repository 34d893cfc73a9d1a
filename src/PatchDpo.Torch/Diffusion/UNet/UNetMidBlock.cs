using PatchDpo.Torch.Diffusion.Blocks;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.UNet;

/// <summary>A residual block, attention and another residual block at the lowest resolution: <c>(B,C,H,W) -> (B,C,H,W)</c>.</summary>
/// <remarks>diffusers 0.23.1, models/unet_2d_blocks.py, UNetMidBlock2DCrossAttn.</remarks>
internal sealed class UNetMidBlock : nn.Module<Tensor, UNetPass, Tensor>
{
    private readonly ModuleList<Transformer2DModel> attentions;
    private readonly ModuleList<ResnetBlock2D> resnets;

    public UNetMidBlock(UNetBlockOptions options, int channels)
        : base(nameof(UNetMidBlock))
    {
        attentions = new ModuleList<Transformer2DModel>(options.Attention(channels));
        resnets = new ModuleList<ResnetBlock2D>([.. Enumerable.Range(0, 2)
            .Select(_ => options.Resnet(channels, channels, options.Config.MidBlockScaleFactor))]);
        RegisterComponents();
    }

    /// <summary>The attentions in order.</summary>
    public IEnumerable<Transformer2DModel> Attentions => attentions;

    /// <inheritdoc/>
    public override Tensor forward(Tensor input, UNetPass pass)
    {
        using Tensor entered = pass.Apply(v => resnets[0].call(v, pass.TimeEmbedding), input);
        using Tensor attended = attentions[0].call(entered, pass);
        return pass.Apply(v => resnets[1].call(v, pass.TimeEmbedding), attended);
    }
}
