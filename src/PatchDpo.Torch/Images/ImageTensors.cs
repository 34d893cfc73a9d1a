using System.Runtime.InteropServices;
using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Images;

/// <summary>Images to tensors and back.</summary>
public static class ImageTensors
{
    /// <summary>Normalises one image.</summary>
    /// <param name="image">Any size; brought to RGB.</param>
    /// <param name="normalization">Constants per channel.</param>
    /// <returns>Float32 on the CPU, <c>(3,H,W)</c>; the caller disposes it.</returns>
    public static Tensor FromImage(ImageBuffer image, PixelNormalization normalization)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(normalization);
        TorchRuntime.Initialize();
        Tensor tensor = empty(3, image.Height, image.Width, dtype: ScalarType.Float32);
        Normalize(image.ToRgb(), normalization, MemoryMarshal.Cast<byte, float>(tensor.bytes));
        return tensor;
    }

    /// <summary>Normalises an image.</summary>
    /// <param name="rgb">RGB.</param>
    /// <param name="normalization">Constants per channel.</param>
    /// <param name="output">Takes the pixels channel by channel.</param>
    internal static void Normalize(ImageBuffer rgb, PixelNormalization normalization, Span<float> output)
    {
        ReadOnlySpan<byte> pixels = rgb.Pixels;
        int area = rgb.Height * rgb.Width;
        Span<float> table = stackalloc float[256];
        for (int c = 0; c < 3; c++)
        {
            float mean = (float)normalization.Mean[c];
            float std = (float)normalization.Std[c];
            for (int value = 0; value < table.Length; value++)
                table[value] = ((value / 255f) - mean) / std;
            Span<float> plane = output.Slice(c * area, area);
            for (int i = 0, source = c; i < plane.Length; i++, source += 3)
                plane[i] = table[pixels[source]];
        }
    }

    /// <summary>Preprocesses images into one batch.</summary>
    /// <param name="images">At least one; any sizes.</param>
    /// <param name="preprocessor">Gives each image the same shape.</param>
    /// <param name="device">Where the batch goes; null for the CPU.</param>
    /// <returns>Float32, <c>(B,3,H,W)</c>; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">There is no image.</exception>
    public static Tensor Batch(IReadOnlyList<ImageBuffer> images, IImagePreprocessor preprocessor, Device? device = null)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(preprocessor);
        if (images.Count == 0)
            throw new ArgumentException("A batch needs at least one image.", nameof(images));
        TorchRuntime.Initialize();
        using DisposeScope scope = NewDisposeScope();
        var rows = new Tensor[images.Count];
        for (int i = 0; i < rows.Length; i++)
            rows[i] = preprocessor.Preprocess(images[i]);
        return stack(rows).to(device ?? CPU).MoveToOuterDisposeScope();
    }

    /// <summary>Turns generated images into pixels: clamped, scaled to 0..255, rounded half to even.</summary>
    /// <param name="minusOneToOne">A floating tensor on any device, <c>(B,3,H,W)</c>, in -1..1.</param>
    /// <returns>B images, RGB.</returns>
    /// <exception cref="ArgumentException">The shape is another.</exception>
    /// <remarks>As diffusers' image processor does it.</remarks>
    public static ImageBuffer[] ToImages(Tensor minusOneToOne)
    {
        ArgumentNullException.ThrowIfNull(minusOneToOne);
        if (minusOneToOne.dim() != 4 || minusOneToOne.shape[1] != 3)
            throw new ArgumentException($"Images must have the shape (B,3,H,W), not ({string.Join(',', minusOneToOne.shape)}).", nameof(minusOneToOne));
        using IDisposable gradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        int height = checked((int)minusOneToOne.shape[2]);
        int width = checked((int)minusOneToOne.shape[3]);
        Tensor unit = minusOneToOne.to(ScalarType.Float32).cpu().DividedBy(2).Plus(0.5).Clamped(0, 1);
        Tensor bytes = unit.Times(255).round().to(ScalarType.Byte).permute(0, 2, 3, 1).contiguous();
        ReadOnlySpan<byte> all = bytes.bytes;
        int length = checked(height * width * 3);
        var images = new ImageBuffer[minusOneToOne.shape[0]];
        for (int i = 0; i < images.Length; i++)
            images[i] = new ImageBuffer(width, height, 3, all.Slice(i * length, length).ToArray());
        return images;
    }
}
