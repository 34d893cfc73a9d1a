namespace PatchDpo.Torch.Weights.Pickle;

/// <summary>A tensor of a checkpoint: a view of a storage, checked to lie inside it.</summary>
internal sealed record TorchTensorView(TorchStorage Storage, long Offset, long[] Shape, long[] Stride)
{
    public long Count => Shape.Aggregate(1L, (product, dim) => product * dim);

    /// <summary>Number of the storage's elements from the view's first to its last; 0 for an empty tensor.</summary>
    public long Span => Count == 0 ? 0 : Shape.Zip(Stride, (size, stride) => (size - 1) * stride).Sum() + 1;

    /// <summary>Whether the elements lie in the storage in the shape's order, without gaps.</summary>
    public bool IsContiguous
    {
        get
        {
            if (Count == 0)
                return true;
            long expected = 1;
            for (int i = Shape.Length - 1; i >= 0; i--)
            {
                if (Shape[i] != 1 && Stride[i] != expected)
                    return false;
                expected *= Shape[i];
            }
            return true;
        }
    }

    /// <summary><c>torch._utils._rebuild_tensor(storage, offset, size, stride)</c>; the later version's other arguments do not matter here.</summary>
    public static TorchTensorView Create(PickleReader reader, object?[] args)
    {
        if (args.Length < 4 || args[0] is not TorchStorage storage || args[1] is not long offset || offset < 0)
            throw reader.Fail("a tensor is built from something else than a storage, an offset, a size and a stride.");
        long[] shape = reader.Integers(args[2], "a tensor's size"), stride = reader.Integers(args[3], "a tensor's stride");
        if (shape.Length != stride.Length)
            throw reader.Fail($"a tensor has {shape.Length} sizes and {stride.Length} strides.");
        try
        {
            checked
            {
                long count = TensorShape.CountElements(shape);
                long last = offset + (count == 0 ? 0 : shape.Zip(stride, (size, step) => (size - 1) * step).Sum() + 1);
                if (last > storage.Count)
                    throw reader.Fail($"a tensor reaches element {last} of storage {KeyText.Quote(storage.Key)}, which has {storage.Count}.");
                // An expanded view would otherwise ask for any amount of memory.
                if (count > storage.Count)
                    throw reader.Fail($"a tensor of {count} elements repeats those of storage {KeyText.Quote(storage.Key)}, which has {storage.Count}.");
            }
        }
        catch (OverflowException)
        {
            throw reader.Fail($"a tensor's size [{string.Join(",", shape)}], stride [{string.Join(",", stride)}] and offset {offset} overflow.");
        }
        return new TorchTensorView(storage, offset, shape, stride);
    }
}
