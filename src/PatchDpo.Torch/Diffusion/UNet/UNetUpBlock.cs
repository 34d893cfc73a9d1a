using PatchDpo.Torch.Diffusion.Blocks;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.UNet;

/// <summary>
/// Residual blocks over the input joined with a skip connection, each followed by attention on levels that have it, then
/// an enlargement to the next skip connection's size: <c>(B,Cin,H,W) -> (B,Cout,2H,2W)</c>.
/// </summary>
/// <remarks>diffusers 0.23.1, models/unet_2d_blocks.py, UpBlock2D and CrossAttnUpBlock2D.</remarks>
internal sealed class UNetUpBlock : nn.Module<Tensor, UNetPass, Tensor>
{
    private readonly ModuleList<Transformer2DModel>? attentions;
    private readonly ModuleList<ResnetBlock2D> resnets;
    private readonly ModuleList<Upsample2D>? upsamplers;

    /// <summary>Makes the block.</summary>
    /// <param name="options">What the level's parts are made with.</param>
    /// <param name="inChannels">Channels of the input, which the block below gives.</param>
    /// <param name="outChannels">Cout, also of all skip connections but the last.</param>
    /// <param name="lastSkipChannels">Channels of the last skip connection: the next level's width.</param>
    /// <param name="layers">Number of residual blocks.</param>
    /// <param name="upsample">Whether the block ends with an enlargement.</param>
    public UNetUpBlock(UNetBlockOptions options, int inChannels, int outChannels, int lastSkipChannels, int layers, bool upsample)
        : base(nameof(UNetUpBlock))
    {
        if (options.Transformers > 0)
            attentions = new ModuleList<Transformer2DModel>([.. Enumerable.Range(0, layers).Select(_ => options.Attention(outChannels))]);
        resnets = new ModuleList<ResnetBlock2D>([.. Enumerable.Range(0, layers).Select(i => options.Resnet(
            (i == 0 ? inChannels : outChannels) + (i == layers - 1 ? lastSkipChannels : outChannels), outChannels))]);
        if (upsample)
            upsamplers = new ModuleList<Upsample2D>(new Upsample2D(outChannels, outChannels, options.Device, options.Type));
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
            Tensor joined;
            using (Tensor skip = pass.Skips.Pop())
                joined = cat([x, skip], 1);
            if (i > 0)
                x.Dispose();
            ResnetBlock2D resnet = resnets[i];
            using (joined)
                x = pass.Apply(v => resnet.call(v, pass.TimeEmbedding), joined);
            if (attentions is not null)
            {
                using Tensor before = x;
                x = attentions[i].call(before, pass);
            }
        }
        if (upsamplers is not null)
        {
            using Tensor before = x;
            long[] target = pass.Skips.Peek().shape;
            x = upsamplers[0].call(before, (target[2], target[3]));
        }
        return x;
    }
}
