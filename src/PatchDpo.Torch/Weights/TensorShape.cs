namespace PatchDpo.Torch.Weights;

/// <summary>Arithmetic on shapes, none of which need be sound.</summary>
internal static class TensorShape
{
    /// <summary>The number of elements of a tensor.</summary>
    /// <exception cref="OverflowException">
    /// The dimensions' product does not fit 64 bits. Empty ones count as one, as they do in libtorch's strides: it cannot make such a tensor.
    /// </exception>
    public static long CountElements(ReadOnlySpan<long> shape)
    {
        long count = 1;
        foreach (long size in shape)
            count = checked(count * Math.Max(size, 1));
        return shape.Contains(0) ? 0 : count;
    }

    /// <summary>The strides of a tensor whose elements lie in C order.</summary>
    public static long[] ContiguousStrides(ReadOnlySpan<long> shape)
    {
        long[] strides = new long[shape.Length];
        long stride = 1;
        for (int i = shape.Length - 1; i >= 0; i--)
        {
            strides[i] = stride;
            stride *= Math.Max(shape[i], 1);
        }
        return strides;
    }
}
