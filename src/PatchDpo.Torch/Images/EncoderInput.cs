using System.Runtime.InteropServices;
using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Images;

/// <summary>What an encoder is given of one image, outside of libtorch, so that a thread may prepare what another one computes with.</summary>
/// <param name="channels">Channels.</param>
/// <param name="height">Rows.</param>
/// <param name="width">Pixels in a row.</param>
internal abstract class EncoderInput(int channels, int height, int width)
{
    private readonly (int Channels, int Height, int Width) _shape = (channels, height, width);

    /// <summary>Prepares an image.</summary>
    /// <exception cref="InvalidOperationException">The preprocessor cannot take an image of this shape.</exception>
    public static EncoderInput Of(IImagePreprocessor preprocessor, ImageBuffer image) => preprocessor is ResizeCropPreprocessor own
        ? new NormalizedBytes(own.ResizeAndCrop(image), own.Normalization)
        : PixelArray.Take(preprocessor.Preprocess(image));

    /// <summary>Whether both can stand in one batch.</summary>
    public bool Fits(EncoderInput other) => _shape == other._shape;

    /// <summary>Writes the normalised pixels, channel by channel.</summary>
    public abstract void CopyTo(Span<float> values);

    /// <summary>Images of one shape as a batch on the CPU, <c>(B,C,H,W)</c>; the caller disposes it.</summary>
    public static Tensor Batch(ReadOnlyMemory<EncoderInput> images)
    {
        (int channels, int height, int width) = images.Span[0]._shape;
        int length = channels * height * width;
        Tensor batch = empty(images.Length, channels, height, width, dtype: ScalarType.Float32);
        ParallelItems.For(images.Length, i => images.Span[i].CopyTo(MemoryMarshal.Cast<byte, float>(batch.bytes).Slice(i * length, length)));
        return batch;
    }
}
