using PatchDpo.Torch.Diffusion.Blocks;
using PatchDpo.Torch.Foundation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Vae;

/// <summary>Image to moments before the last 1x1 convolution: <c>(B,3,H,W) -> (B,2L,H/s,W/s)</c>, L latent channels, s the latent scale.</summary>
/// <remarks>diffusers 0.23.1, models/vae.py, Encoder with double_z.</remarks>
internal sealed class VaeEncoder : nn.Module<Tensor, Tensor>
{
    private readonly SafeConv2d conv_in;
    private readonly ModuleList<VaeDownBlock> down_blocks;
    private readonly VaeMidBlock mid_block;
    private readonly GroupNorm conv_norm_out;
    private readonly SafeConv2d conv_out;

    public VaeEncoder(VaeConfig config, Device? device, ScalarType? dtype) : base(nameof(VaeEncoder))
    {
        IReadOnlyList<int> channels = config.BlockOutChannels;
        int last = channels.Count - 1;
        conv_in = new SafeConv2d(config.InChannels, channels[0], 3, padding: 1, device: device, dtype: dtype);
        down_blocks = nn.ModuleList(Enumerable.Range(0, channels.Count)
            .Select(i => new VaeDownBlock(channels[Math.Max(i - 1, 0)], channels[i], i < last, config, device, dtype)).ToArray());
        mid_block = new VaeMidBlock(channels[last], config, device, dtype);
        conv_norm_out = Norms.GroupNorm(config.NormGroups, channels[last], 1e-6, device, dtype);
        conv_out = new SafeConv2d(channels[last], 2 * config.LatentChannels, 3, padding: 1, device: device, dtype: dtype);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = conv_in.call(input);
        foreach (VaeDownBlock block in down_blocks)
            x = block.call(x);
        x = mid_block.call(x);
        return conv_out.call(nn.functional.silu(conv_norm_out.call(x))).MoveToOuterDisposeScope();
    }
}
