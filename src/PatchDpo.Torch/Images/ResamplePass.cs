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
            Span<byte> target = output.Slice(y * stride, stride);
            // One sample as it is.
            if (weights is [1 << ResampleKernel.PrecisionBits])
                rows.CopyTo(target);
            else
                WeightedRow(rows, stride, weights, target, kernel.FitsShort);
        }
    }

    private static void WeightedRow(ReadOnlySpan<byte> rows, int stride, ReadOnlySpan<int> weights, Span<byte> target, bool fitsShort)
    {
        ref byte origin = ref MemoryMarshal.GetReference(rows);
        int x = Avx2.IsSupported ? WeightedPairs(ref origin, stride, weights, target, fitsShort) : 0;
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

    /// <summary>As the loop over 32 columns, two rows in one multiplication of 16 bits, to the same sums.</summary>
    /// <returns>The first column that is left.</returns>
    private static int WeightedPairs(ref byte origin, int stride, ReadOnlySpan<int> weights, Span<byte> target, bool fitsShort)
    {
        int x = 0;
        for (; x + 32 <= stride; x += 32)
        {
            Vector256<int> sum0 = Vector256.Create(Half), sum1 = sum0, sum2 = sum0, sum3 = sum0;
            // What the weights' low halves lack, in units of 65,536.
            Vector256<int> high0 = default, high1 = default, high2 = default, high3 = default;
            for (int i = 0; i < weights.Length; i += 2)
            {
                bool isPair = i + 1 < weights.Length;
                int weight = weights[i], other = isPair ? weights[i + 1] : 0;
                Vector256<byte> upper = Vector256.LoadUnsafe(ref origin, (nuint)((i * stride) + x));
                Vector256<byte> lower = isPair ? Vector256.LoadUnsafe(ref origin, (nuint)(((i + 1) * stride) + x)) : Vector256<byte>.Zero;
                // Within each half of 16 columns: 0 to 7 and 8 to 15, upper and lower in turn.
                Vector256<byte> first = Avx2.UnpackLow(upper, lower), second = Avx2.UnpackHigh(upper, lower);
                Vector256<short> samples0 = Avx2.UnpackLow(first, Vector256<byte>.Zero).AsInt16();
                Vector256<short> samples1 = Avx2.UnpackHigh(first, Vector256<byte>.Zero).AsInt16();
                Vector256<short> samples2 = Avx2.UnpackLow(second, Vector256<byte>.Zero).AsInt16();
                Vector256<short> samples3 = Avx2.UnpackHigh(second, Vector256<byte>.Zero).AsInt16();
                Vector256<short> pair = Pair((short)weight, (short)other);
                sum0 += Avx2.MultiplyAddAdjacent(samples0, pair);
                sum1 += Avx2.MultiplyAddAdjacent(samples1, pair);
                sum2 += Avx2.MultiplyAddAdjacent(samples2, pair);
                sum3 += Avx2.MultiplyAddAdjacent(samples3, pair);
                if (fitsShort)
                    continue;
                pair = Pair((weight - (short)weight) >> 16, (other - (short)other) >> 16);
                high0 += Avx2.MultiplyAddAdjacent(samples0, pair);
                high1 += Avx2.MultiplyAddAdjacent(samples1, pair);
                high2 += Avx2.MultiplyAddAdjacent(samples2, pair);
                high3 += Avx2.MultiplyAddAdjacent(samples3, pair);
            }

            const int Bits = ResampleKernel.PrecisionBits;
            Vector256<short> left = Avx2.PackSignedSaturate((sum0 + (high0 << 16)) >> Bits, (sum1 + (high1 << 16)) >> Bits);
            Vector256<short> right = Avx2.PackSignedSaturate((sum2 + (high2 << 16)) >> Bits, (sum3 + (high3 << 16)) >> Bits);
            Avx2.PackUnsignedSaturate(left, right).CopyTo(target[x..]);
        }

        return x;

        static Vector256<short> Pair(int weight, int other) => Vector256.Create((weight & 0xFFFF) | (other << 16)).AsInt16();
    }

    private static Vector256<int> Limit(Vector256<int> sums) =>
        Vector256.Min(Vector256.Max(sums >> ResampleKernel.PrecisionBits, Vector256<int>.Zero), Vector256.Create(255));

    private static byte Clip(int sum) => (byte)Math.Clamp(sum >> ResampleKernel.PrecisionBits, 0, 255);
}
