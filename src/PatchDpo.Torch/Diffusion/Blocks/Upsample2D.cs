using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Blocks;

/// <summary>Enlarges to the nearest pixel, then convolves 3x3: <c>(B,C,H,W) -> (B,Cout,2H,2W)</c>, or to the size that is asked for.</summary>
/// <remarks>diffusers 0.23.1, models/resnet.py, Upsample2D with a convolution.</remarks>
internal sealed class Upsample2D : nn.Module<Tensor, (long Height, long Width)?, Tensor>
{
    private readonly SafeConv2d conv;

    public Upsample2D(int channels, int outChannels, Device? device = null, ScalarType? dtype = null)
        : base(nameof(Upsample2D))
    {
        conv = new SafeConv2d(channels, outChannels, 3, padding: 1, device: device, dtype: dtype);
        RegisterComponents();
    }

    /// <inheritdoc/>
    /// <param name="input"><c>(B,C,H,W)</c></param>
    /// <param name="size">The output's size; null doubles. An odd size comes from a skip connection that was rounded up when it was halved.</param>
    public override Tensor forward(Tensor input, (long Height, long Width)? size)
    {
        (long height, long width) = size ?? (input.shape[2] * 2, input.shape[3] * 2);
        using Tensor enlarged = nn.functional.interpolate(input, [height, width], mode: InterpolationMode.Nearest);
        return conv.call(enlarged);
    }
}
