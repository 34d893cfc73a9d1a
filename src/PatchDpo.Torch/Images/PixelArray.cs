using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Images;

/// <summary>An image as a preprocessor of a user's own has normalised it.</summary>
/// <param name="values">Float32, channel by channel.</param>
/// <param name="channels">Channels.</param>
/// <param name="height">Rows.</param>
/// <param name="width">Pixels in a row.</param>
internal sealed class PixelArray(float[] values, int channels, int height, int width) : EncoderInput(channels, height, width)
{
    /// <summary>Copies a tensor <c>(C,H,W)</c>, which is disposed.</summary>
    public static PixelArray Take(Tensor pixels)
    {
        using Tensor given = pixels;
        long[] shape = given.shape;
        return new PixelArray(given.ToFloats(), (int)shape[0], (int)shape[1], (int)shape[2]);
    }

    public override void CopyTo(Span<float> target) => values.CopyTo(target);
}
