using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Weights;

/// <summary>A source under other names; tensors are still read when they are asked for.</summary>
internal sealed class MappedTensorSource(ITensorSource source, IReadOnlyDictionary<string, MappedTensor> map) : ITensorSource
{
    /// <inheritdoc/>
    public string Path => source.Path;

    /// <inheritdoc/>
    public IReadOnlyList<string> Keys { get; } = [.. map.Keys];

    /// <inheritdoc/>
    public long[] Shape(string key)
    {
        MappedTensor entry = map[key];
        if (entry.Kind == MappedTensorKind.Zero)
            return [];
        long[] shape = source.Shape(entry.Keys[0]);
        switch (entry.Kind)
        {
            case MappedTensorKind.Transpose when shape.Length == 2:
                return [shape[1], shape[0]];
            case MappedTensorKind.Matrix when shape is [long rows, long columns, 1, 1]:
                return [rows, columns];
            // A count of rows that three does not divide leaves a shape that fits no module.
            case MappedTensorKind.Third when shape.Length > 0 && shape[0] % 3 == 0:
                return [shape[0] / 3, .. shape[1..]];
            case MappedTensorKind.Stack when shape.Length > 0 && entry.Keys.All(k => source.Shape(k).AsSpan().SequenceEqual(shape)):
                return [shape[0] * entry.Keys.Count, .. shape[1..]];
            default:
                return shape;
        }
    }

    /// <inheritdoc/>
    public ScalarType DType(string key) => map[key].Kind == MappedTensorKind.Zero ? ScalarType.Int64 : source.DType(map[key].Keys[0]);

    /// <inheritdoc/>
    public Tensor Read(string key, Device? device = null, ScalarType? dtype = null)
    {
        MappedTensor entry = map[key];
        if (entry.Kind == MappedTensorKind.Zero)
            return zeros([], dtype ?? ScalarType.Int64, device);
        using DisposeScope scope = NewDisposeScope();
        Tensor first = source.Read(entry.Keys[0], device, dtype);
        Tensor result = entry.Kind switch
        {
            MappedTensorKind.Transpose => first.t().contiguous(),
            MappedTensorKind.Matrix => first.flatten(1),
            MappedTensorKind.Third => first.chunk(3)[entry.Part].clone(),
            MappedTensorKind.ReverseChannels => first.flip(1),
            MappedTensorKind.Stack => cat([first, .. entry.Keys.Skip(1).Select(k => source.Read(k, device, dtype))], 0),
            _ => first,
        };
        return result.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void CopyTo(string key, Tensor target)
    {
        if (map[key].Kind == MappedTensorKind.Copy)
        {
            source.CopyTo(map[key].Keys[0], target);
            return;
        }
        using IDisposable noGrad = no_grad();
        using Tensor values = Read(key);
        target.copy_(values);
    }
}
