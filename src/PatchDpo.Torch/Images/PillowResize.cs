using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace PatchDpo.Torch.Images;

/// <summary>Resizes 8-bit images to the very bytes that Pillow gives.</summary>
/// <remarks>
/// Scores of published models depend on the resizer: every reference evaluation resizes with Pillow. The algorithm, as of
/// Pillow 9.4: two separable passes with fixed-point weights (22 bits), horizontal first, rounded and clipped to 8 bits in
/// between; when shrinking, the filter is widened by the scale (antialiasing); a pass whose size does not change is skipped.
/// <see cref="ResampleFilter.Nearest"/> is an affine look-up and no convolution. RGBA is multiplied by alpha before, and divided
/// after, all filters but nearest.
/// </remarks>
public static class PillowResize
{
    /// <summary>Resizes an image as <c>Image.resize((width, height), filter)</c> does.</summary>
    /// <param name="image">Grey, RGB or RGBA.</param>
    /// <param name="width">New width in pixels, at least 1.</param>
    /// <param name="height">New height in pixels, at least 1.</param>
    /// <param name="filter">How samples are weighted.</param>
    /// <returns>A new image with the same channels; never <paramref name="image"/> itself.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1, or the filter is unknown.</exception>
    public static ImageBuffer Resize(ImageBuffer image, int width, int height, ResampleFilter filter)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        if (!Enum.IsDefined(filter))
            throw new ArgumentOutOfRangeException(nameof(filter), filter, "Unknown resampling filter.");
        if (width == image.Width && height == image.Height)
            return new ImageBuffer(width, height, image.Channels, image.Pixels.AsSpan().ToArray());
        if (filter == ResampleFilter.Nearest)
            return ResizeNearest(image, width, height);
        if (image.Channels != 4)
            return Resample(image, width, height, filter);
        ImageBuffer resized = Resample(AlphaPremultiplication.Multiply(image), width, height, filter);
        AlphaPremultiplication.DivideInPlace(resized.Pixels);
        return resized;
    }

    private static ImageBuffer Resample(ImageBuffer image, int width, int height, ResampleFilter filter)
    {
        int channels = image.Channels;
        var output = new byte[checked(width * height * channels)];
        if (height == image.Height)
        {
            HorizontalPass(image.Pixels, image.Width, height, channels, ResampleKernel.Create(image.Width, width, filter), width, output);
            return new ImageBuffer(width, height, channels, output);
        }

        ResampleKernel vertical = ResampleKernel.Create(image.Height, height, filter);
        if (width == image.Width)
        {
            VerticalPass(image.Pixels, 0, width * channels, vertical, height, output);
            return new ImageBuffer(width, height, channels, output);
        }

        // Only the rows that the vertical pass reads are made.
        int first = vertical.First;
        int rows = vertical.End - first;
        int length = checked(rows * width * channels);
        byte[] between = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            int inputStride = image.Width * channels;
            HorizontalPass(image.Pixels.AsSpan(first * inputStride, rows * inputStride), image.Width, rows, channels,
                ResampleKernel.Create(image.Width, width, filter), width, between.AsSpan(0, length));
            VerticalPass(between.AsSpan(0, length), first, width * channels, vertical, height, output);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(between);
        }

        return new ImageBuffer(width, height, channels, output);
    }

    private static void HorizontalPass(ReadOnlySpan<byte> input, int inputWidth, int rows, int channels, ResampleKernel kernel, int width, Span<byte> output)
    {
        for (int y = 0; y < rows; y++)
        {
            ReadOnlySpan<byte> source = input.Slice(y * inputWidth * channels, inputWidth * channels);
            Span<byte> target = output.Slice(y * width * channels, width * channels);
            for (int x = 0; x < width; x++)
            {
                ReadOnlySpan<int> weights = kernel.Weights(x);
                int offset = kernel.Start(x) * channels;
                if (channels == 1)
                    target[x] = Clip(WeightedSum(source.Slice(offset, weights.Length), weights));
                else
                    WeightedPixel(source[offset..], channels, weights, target.Slice(x * channels, channels));
            }
        }
    }

    private static int WeightedSum(ReadOnlySpan<byte> samples, ReadOnlySpan<int> weights)
    {
        int sum = Half;
        for (int i = 0; i < weights.Length; i++)
            sum += samples[i] * weights[i];
        return sum;
    }

    private static void WeightedPixel(ReadOnlySpan<byte> samples, int channels, ReadOnlySpan<int> weights, Span<byte> target)
    {
        Vector128<int> sum = Vector128.Create(Half);
        int offset = 0;
        int i = 0;
        ref byte origin = ref MemoryMarshal.GetReference(samples);
        // Four bytes are read at a time; for RGB the fourth belongs to the next pixel and its lane is not used.
        for (; i < weights.Length && offset + 4 <= samples.Length; i++, offset += channels)
        {
            uint pixel = Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref origin, offset));
            Vector128<ushort> wide = Vector128.WidenLower(Vector128.CreateScalarUnsafe(pixel).AsByte());
            sum += Vector128.WidenLower(wide).AsInt32() * Vector128.Create(weights[i]);
        }

        for (; i < weights.Length; i++, offset += channels)
            sum += Vector128.Create(samples[offset], samples[offset + 1], samples[offset + 2], 0) * Vector128.Create(weights[i]);
        for (int c = 0; c < channels; c++)
            target[c] = Clip(sum[c]);
    }

    private static void VerticalPass(ReadOnlySpan<byte> input, int firstRow, int stride, ResampleKernel kernel, int height, Span<byte> output)
    {
        for (int y = 0; y < height; y++)
        {
            ReadOnlySpan<int> weights = kernel.Weights(y);
            ReadOnlySpan<byte> rows = input.Slice((kernel.Start(y) - firstRow) * stride, weights.Length * stride);
            WeightedRow(rows, stride, weights, output.Slice(y * stride, stride));
        }
    }

    private static void WeightedRow(ReadOnlySpan<byte> rows, int stride, ReadOnlySpan<int> weights, Span<byte> target)
    {
        ref byte origin = ref MemoryMarshal.GetReference(rows);
        int x = 0;
        for (; x + 16 <= stride; x += 16)
        {
            Vector128<int> sum0 = Vector128.Create(Half), sum1 = sum0, sum2 = sum0, sum3 = sum0;
            for (int i = 0; i < weights.Length; i++)
            {
                Vector128<int> weight = Vector128.Create(weights[i]);
                Vector128<byte> samples = Vector128.LoadUnsafe(ref origin, (nuint)((i * stride) + x));
                (Vector128<ushort> low, Vector128<ushort> high) = Vector128.Widen(samples);
                sum0 += Vector128.WidenLower(low).AsInt32() * weight;
                sum1 += Vector128.WidenUpper(low).AsInt32() * weight;
                sum2 += Vector128.WidenLower(high).AsInt32() * weight;
                sum3 += Vector128.WidenUpper(high).AsInt32() * weight;
            }

            Vector128<short> first = Vector128.Narrow(Limit(sum0), Limit(sum1));
            Vector128<short> second = Vector128.Narrow(Limit(sum2), Limit(sum3));
            Vector128.Narrow(first.AsUInt16(), second.AsUInt16()).CopyTo(target[x..]);
        }

        for (; x < stride; x++)
        {
            int sum = Half;
            for (int i = 0; i < weights.Length; i++)
                sum += rows[(i * stride) + x] * weights[i];
            target[x] = Clip(sum);
        }
    }

    private const int Half = 1 << (ResampleKernel.PrecisionBits - 1);

    private static Vector128<int> Limit(Vector128<int> sum) =>
        Vector128.Min(Vector128.Max(sum >> ResampleKernel.PrecisionBits, Vector128<int>.Zero), Vector128.Create(255));

    private static byte Clip(int sum) => (byte)Math.Clamp(sum >> ResampleKernel.PrecisionBits, 0, 255);

    private static ImageBuffer ResizeNearest(ImageBuffer image, int width, int height)
    {
        int channels = image.Channels;
        int[] columns = NearestIndices(image.Width, width);
        int[] rows = NearestIndices(image.Height, height);
        var output = new byte[checked(width * height * channels)];
        int target = 0;
        for (int y = 0; y < height; y++)
        {
            int row = rows[y] * image.Width * channels;
            for (int x = 0; x < width; x++)
            {
                int source = row + (columns[x] * channels);
                for (int c = 0; c < channels; c++)
                    output[target++] = image.Pixels[source + c];
            }
        }

        return new ImageBuffer(width, height, channels, output);
    }

    // Pillow steps by repeated addition; a multiplication rounds differently at some sizes.
    private static int[] NearestIndices(int inputs, int outputs)
    {
        double step = (double)inputs / outputs;
        double position = step * 0.5;
        var indices = new int[outputs];
        for (int i = 0; i < outputs; i++, position += step)
            indices[i] = Math.Min((int)position, inputs - 1);
        return indices;
    }
}
