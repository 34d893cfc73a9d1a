using PatchDpo.Torch.Weights;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Personalization.SingleFile;

/// <summary>A file of which only keys and shapes are there: its tensors are on the meta device.</summary>
internal sealed class ShapesFile(IReadOnlyDictionary<string, long[]> shapes) : ITensorFile
{
    public string Path => "shapes";

    public IReadOnlyList<string> Keys { get; } = [.. shapes.Keys];

    public IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string>();

    public bool Contains(string key) => shapes.ContainsKey(key);

    public long[] Shape(string key) => shapes[key];

    public ScalarType DType(string key) => ScalarType.Float16;

    public Tensor Read(string key, Device? device = null, ScalarType? dtype = null) => empty(shapes[key], dtype: dtype ?? ScalarType.Float16, device: META);

    public void CopyTo(string key, Tensor target) => throw new NotSupportedException();

    public void Dispose()
    {
    }
}
