using System.Runtime.InteropServices;
using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Images;

/// <summary>Normalised pixels of one image outside of libtorch, so that a thread may prepare what another one computes with.</summary>
/// <param name="Values">Float32, channel by channel.</param>
/// <param name="Channels">Channels.</param>
/// <param name="Height">Rows.</param>
/// <param name="Width">Pixels in a row.</param>
internal sealed record PixelArray(float[] Values, int Channels, int Height, int Width)
{
    /// <summary>Copies a tensor <c>(C,H,W)</c>, which is disposed.</summary>
    public static PixelArray Take(Tensor pixels)
    {
        using Tensor given = pixels;
        long[] shape = given.shape;
        return new PixelArray(given.ToFloats(), (int)shape[0], (int)shape[1], (int)shape[2]);
    }

    /// <summary>Whether both can stand in one batch.</summary>
    public bool Fits(PixelArray other) => (Channels, Height, Width) == (other.Channels, other.Height, other.Width);

    /// <summary>Images of one size as a batch on the CPU, <c>(B,C,H,W)</c>; the caller disposes it.</summary>
    public static Tensor Batch(ReadOnlySpan<PixelArray> images)
    {
        PixelArray first = images[0];
        Tensor batch = empty(images.Length, first.Channels, first.Height, first.Width, dtype: ScalarType.Float32);
        Span<float> all = MemoryMarshal.Cast<byte, float>(batch.bytes);
        for (int i = 0; i < images.Length; i++)
            images[i].Values.CopyTo(all[(i * first.Values.Length)..]);
        return batch;
    }
}
