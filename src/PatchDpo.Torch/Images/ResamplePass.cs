using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace PatchDpo.Torch.Images;

/// <summary>The two passes of a separable convolution on 8-bit samples, in fixed point.</summary>
internal static class ResamplePass
{
    private const int Half = 1 << (ResampleKernel.PrecisionBits - 1);

    /// <summary>Resamples each row of <paramref name="input"/> to <paramref name="width"/>.</summary>
    public static void Horizontal(ReadOnlySpan<byte> input, int inputWidth, int rows, int channels, ResampleKernel kernel, int width, Span<byte> output)
    {
        int inputStride = inputWidth * channels;
        int outputStride = width * channels;
        // Two rows at a time share the weights; the last of an odd number is done twice.
        for (int y = 0; y < rows; y += 2)
        {
            int other = Math.Min(y + 1, rows - 1);
            ReadOnlySpan<byte> upper = input.Slice(y * inputStride, inputStride), lower = input.Slice(other * inputStride, inputStride);
            Span<byte> upperTarget = output.Slice(y * outputStride, outputStride), lowerTarget = output.Slice(other * outputStride, outputStride);
            for (int x = 0; x < width; x++)
            {
                ReadOnlySpan<int> weights = kernel.Weights(x);
                int start = kernel.Start(x) * channels;
                if (channels == 1)
                {
                    upperTarget[x] = Clip(WeightedSum(upper.Slice(start, weights.Length), weights));
                    lowerTarget[x] = Clip(WeightedSum(lower.Slice(start, weights.Length), weights));
                    continue;
                }

                Vector256<int> sums = Limit(WeightedPixels(upper[start..], lower[start..], channels, weights));
                for (int c = 0, target = x * channels; c < channels; c++, target++)
                {
                    upperTarget[target] = (byte)sums[c];
                    lowerTarget[target] = (byte)sums[4 + c];
                }
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

    /// <summary>One pixel of each of two rows: the first's channels in lanes 0..3, the second's in 4..7.</summary>
    private static Vector256<int> WeightedPixels(ReadOnlySpan<byte> upper, ReadOnlySpan<byte> lower, int channels, ReadOnlySpan<int> weights)
    {
        Vector256<int> sums = Vector256.Create(Half);
        ref byte upperOrigin = ref MemoryMarshal.GetReference(upper), lowerOrigin = ref MemoryMarshal.GetReference(lower);
        // Four bytes are read at a time; for RGB the fourth belongs to the next pixel and its lane is not used.
        int whole = upper.Length < 4 ? 0 : Math.Min(weights.Length, ((upper.Length - 4) / channels) + 1);
        int i = 0, offset = 0;
        for (; i < whole; i++, offset += channels)
        {
            Vector128<uint> pixels = Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref upperOrigin, offset)))
                .WithElement(1, Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref lowerOrigin, offset)));
            sums += Widen(pixels.AsByte()) * Vector256.Create(weights[i]);
        }

        for (; i < weights.Length; i++, offset += channels)
        {
            var last = Vector256.Create(upper[offset], upper[offset + 1], upper[offset + 2], 0, lower[offset], lower[offset + 1], lower[offset + 2], 0);
            sums += last * Vector256.Create(weights[i]);
        }

        return sums;
    }

    private static Vector256<int> Widen(Vector128<byte> lowerBytes) => Avx2.IsSupported
        ? Avx2.ConvertToVector256Int32(lowerBytes)
        : Vector256.Create(Vector128.WidenLower(Vector128.WidenLower(lowerBytes)), Vector128.WidenUpper(Vector128.WidenLower(lowerBytes))).AsInt32();

    /// <summary>
    /// Resamples columns to <paramref name="height"/> rows; <paramref name="input"/> begins with the row <paramref name="firstRow"/> of the kernel's
    /// source.
    /// </summary>
    public static void Vertical(ReadOnlySpan<byte> input, int firstRow, int stride, ResampleKernel kernel, int height, Span<byte> output)
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
        for (; x + 32 <= stride; x += 32)
        {
            Vector256<int> sum0 = Vector256.Create(Half), sum1 = sum0, sum2 = sum0, sum3 = sum0;
            for (int i = 0; i < weights.Length; i++)
            {
                Vector256<int> weight = Vector256.Create(weights[i]);
                Vector256<byte> samples = Vector256.LoadUnsafe(ref origin, (nuint)((i * stride) + x));
                (Vector256<ushort> low, Vector256<ushort> high) = Vector256.Widen(samples);
                sum0 += Vector256.WidenLower(low).AsInt32() * weight;
                sum1 += Vector256.WidenUpper(low).AsInt32() * weight;
                sum2 += Vector256.WidenLower(high).AsInt32() * weight;
                sum3 += Vector256.WidenUpper(high).AsInt32() * weight;
            }

            Vector256<short> first = Vector256.Narrow(Limit(sum0), Limit(sum1));
            Vector256<short> second = Vector256.Narrow(Limit(sum2), Limit(sum3));
            Vector256.Narrow(first.AsUInt16(), second.AsUInt16()).CopyTo(target[x..]);
        }

        for (; x < stride; x++)
        {
            int sum = Half;
            for (int i = 0; i < weights.Length; i++)
                sum += rows[(i * stride) + x] * weights[i];
            target[x] = Clip(sum);
        }
    }

    private static Vector256<int> Limit(Vector256<int> sums) =>
        Vector256.Min(Vector256.Max(sums >> ResampleKernel.PrecisionBits, Vector256<int>.Zero), Vector256.Create(255));

    private static byte Clip(int sum) => (byte)Math.Clamp(sum >> ResampleKernel.PrecisionBits, 0, 255);
}
