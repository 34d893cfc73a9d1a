using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Weights;

/// <summary>Tensors in memory as a source; they stay their owner's.</summary>
internal sealed class DictionaryTensorSource(IReadOnlyDictionary<string, Tensor> tensors, string name) : ITensorSource
{
    public string Path => name;

    public IReadOnlyList<string> Keys { get; } = [.. tensors.Keys];

    public long[] Shape(string key) => tensors[key].shape;

    public ScalarType DType(string key) => tensors[key].dtype;

    public Tensor Read(string key, Device? device = null, ScalarType? dtype = null) =>
        tensors[key].detach().to(dtype ?? DType(key), device ?? CPU, copy: true);

    public void CopyTo(string key, Tensor target)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        target.copy_(tensors[key]);
    }
}
