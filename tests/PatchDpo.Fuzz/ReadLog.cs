using PatchDpo.Torch.Weights;
using static TorchSharp.torch;

namespace PatchDpo.Fuzz;

/// <summary>Counts what a reader hands out.</summary>
internal sealed class ReadLog
{
    private long _count, _dimensions;

    /// <summary>Bytes of all tensors and maps that were read.</summary>
    public long Bytes { get; private set; }

    /// <summary>Counts a tensor as the reader announces it, then reads it and checks that it is the one.</summary>
    public void Take(ITensorFile file, string key)
    {
        long[] shape = file.Shape(key);
        ScalarType dtype = file.DType(key);
        // Counted before it is read: memory is taken then, even where the file turns out to be too short.
        Take(shape.Contains(0) ? 0 : shape.Aggregate(ElementSize(dtype), (product, dim) => checked(product * dim)));
        _dimensions += shape.Sum(d => 64 - long.LeadingZeroCount(d));
        using Tensor tensor = file.Read(key);
        if (!tensor.shape.AsSpan().SequenceEqual(shape) || tensor.dtype != dtype)
            throw new InvalidOperationException(
                $"A tensor of [{string.Join(",", shape)}] and {dtype} was announced, one of [{string.Join(",", tensor.shape)}] and {tensor.dtype} was read.");
    }

    /// <summary>What was read, in a few numbers.</summary>
    public override string ToString() => $"{_count} of {Bytes} bytes, {_dimensions} bits of dimensions";

    /// <summary>Counts bytes.</summary>
    public void Take(long bytes)
    {
        Bytes += bytes;
        _count++;
    }

    private static long ElementSize(ScalarType dtype) => dtype switch
    {
        ScalarType.Float64 or ScalarType.Int64 => 8,
        ScalarType.Float32 or ScalarType.Int32 => 4,
        ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Int16 => 2,
        _ => 1,
    };
}
