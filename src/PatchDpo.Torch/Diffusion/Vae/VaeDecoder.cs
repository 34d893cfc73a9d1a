using PatchDpo.Torch.Diffusion.Blocks;
using PatchDpo.Torch.Foundation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Vae;

/// <summary>Latents (after the first 1x1 convolution) to an image: <c>(B,L,h,w) -> (B,3,sh,sw)</c>, s the latent scale.</summary>
/// <remarks>diffusers 0.23.1, models/vae.py, Decoder.</remarks>
internal sealed class VaeDecoder : nn.Module<Tensor, Tensor>
{
    private readonly SafeConv2d conv_in;
    private readonly VaeMidBlock mid_block;
    private readonly ModuleList<VaeUpBlock> up_blocks;
    private readonly GroupNorm conv_norm_out;
    private readonly SafeConv2d conv_out;

    public VaeDecoder(VaeConfig config, Device? device, ScalarType? dtype) : base(nameof(VaeDecoder))
    {
        int[] channels = [.. config.BlockOutChannels.Reverse()];
        int last = channels.Length - 1;
        conv_in = new SafeConv2d(config.LatentChannels, channels[0], 3, padding: 1, device: device, dtype: dtype);
        mid_block = new VaeMidBlock(channels[0], config, device, dtype);
        up_blocks = nn.ModuleList(Enumerable.Range(0, channels.Length)
            .Select(i => new VaeUpBlock(channels[Math.Max(i - 1, 0)], channels[i], i < last, config, device, dtype)).ToArray());
        conv_norm_out = Norms.GroupNorm(config.NormGroups, channels[last], 1e-6, device, dtype);
        conv_out = new SafeConv2d(channels[last], config.OutChannels, 3, padding: 1, device: device, dtype: dtype);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = mid_block.call(conv_in.call(input));
        foreach (VaeUpBlock block in up_blocks)
            x = block.call(x);
        return conv_out.call(nn.functional.silu(conv_norm_out.call(x))).MoveToOuterDisposeScope();
    }
}
