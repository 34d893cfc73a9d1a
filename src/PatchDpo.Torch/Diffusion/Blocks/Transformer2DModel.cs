using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Foundation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Blocks;

/// <summary>Transformer blocks over the pixels of a feature map, added to it: <c>(B,C,H,W), pass -> (B,C,H,W)</c>.</summary>
/// <remarks>diffusers 0.23.1, models/transformer_2d.py with continuous input; the group norm's eps is 1e-6.</remarks>
internal sealed class Transformer2DModel : nn.Module<Tensor, UNetPass, Tensor>
{
    private readonly GroupNorm norm;
    private readonly nn.Module<Tensor, Tensor> proj_in;
    private readonly ModuleList<BasicTransformerBlock> transformer_blocks;
    private readonly nn.Module<Tensor, Tensor> proj_out;
    private readonly bool _linear;

    /// <summary>Makes the model.</summary>
    /// <param name="channels">C; a multiple of <paramref name="heads"/>.</param>
    /// <param name="contextChannels">Ctext.</param>
    /// <param name="heads">Heads of every attention.</param>
    /// <param name="layers">Number of transformer blocks.</param>
    /// <param name="groups">Groups of the normalisation.</param>
    /// <param name="linearProjection">Linear layers (SDXL) instead of 1x1 convolutions (SD 1.5) around the blocks; the weights differ in shape.</param>
    /// <param name="upcast">Attend in float32 whatever the weights' type.</param>
    /// <param name="device">Where the weights are made.</param>
    /// <param name="dtype">The weights' type.</param>
    public Transformer2DModel(
        int channels, int contextChannels, int heads, int layers, int groups, bool linearProjection, bool upcast = false,
        Device? device = null, ScalarType? dtype = null)
        : base(nameof(Transformer2DModel))
    {
        nn.Module<Tensor, Tensor> Projection() => linearProjection
            ? nn.Linear(channels, channels, device: device, dtype: dtype)
            : new SafeConv2d(channels, channels, 1, device: device, dtype: dtype);
        norm = Norms.GroupNorm(groups, channels, 1e-6, device, dtype);
        proj_in = Projection();
        transformer_blocks = new ModuleList<BasicTransformerBlock>([.. Enumerable.Range(0, layers)
            .Select(_ => new BasicTransformerBlock(channels, contextChannels, heads, upcast, device, dtype))]);
        proj_out = Projection();
        _linear = linearProjection;
        RegisterComponents();
    }

    /// <summary>The transformer blocks in order.</summary>
    public IEnumerable<BasicTransformerBlock> Blocks => transformer_blocks;

    /// <inheritdoc/>
    public override Tensor forward(Tensor input, UNetPass pass)
    {
        using DisposeScope scope = NewDisposeScope();
        (long height, long width) = (input.shape[2], input.shape[3]);
        Tensor x = norm.call(input);
        x = _linear ? proj_in.call(ToTokens(x)) : ToTokens(proj_in.call(x));
        ImagePromptPlace? place = pass.ImagePrompt is null ? null : new ImagePromptPlace(pass.ImagePrompt, height, width);
        foreach (BasicTransformerBlock block in transformer_blocks)
        {
            Tensor next = pass.Apply(v => block.call(v, pass.Context, place), x);
            x.Dispose();
            x = next;
        }
        x = _linear ? ToMap(proj_out.call(x), height, width) : proj_out.call(ToMap(x, height, width));
        return x.Plus(input).MoveToOuterDisposeScope();
    }

    // (B,C,H,W) -> (B,HW,C), laid out by token: what linear layers and layer norms read without another copy.
    private static Tensor ToTokens(Tensor map) => map.flatten(2).transpose(1, 2).contiguous();

    private static Tensor ToMap(Tensor tokens, long height, long width) => tokens.transpose(1, 2).unflatten(2, height, width);
}
