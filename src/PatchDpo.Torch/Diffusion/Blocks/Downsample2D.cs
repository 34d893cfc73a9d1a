using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Blocks;

/// <summary>Halves height and width with a 3x3 convolution of stride 2: <c>(B,C,H,W) -> (B,Cout,H/2,W/2)</c>.</summary>
/// <remarks>diffusers 0.23.1, models/resnet.py, Downsample2D. Padding 0 (autoencoders) pads one row and column at the bottom and right instead.</remarks>
internal sealed class Downsample2D : nn.Module<Tensor, Tensor>
{
    private readonly SafeConv2d conv;
    private readonly int _padding;

    public Downsample2D(int channels, int outChannels, int padding = 1, Device? device = null, ScalarType? dtype = null)
        : base(nameof(Downsample2D))
    {
        conv = new SafeConv2d(channels, outChannels, 3, stride: 2, padding: padding, device: device, dtype: dtype);
        _padding = padding;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        if (_padding != 0)
            return conv.call(input);
        using Tensor padded = nn.functional.pad(input, [0, 1, 0, 1]);
        return conv.call(padded);
    }
}
