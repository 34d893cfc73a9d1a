using Microsoft.Win32.SafeHandles;
using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Weights.Onnx;

/// <summary>The initialisers of an ONNX file's graph as named tensors, which are read when they are asked for.</summary>
/// <remarks>
/// Nothing of the graph is executed. Safe for untrusted files: opening reads names, shapes and nodes within limits, and checks that each
/// initialiser's values are as many as its shape says. Values in <c>float_data</c>, <c>double_data</c> and <c>raw_data</c> are read; those in other
/// files or other fields are refused. Reads may run in parallel.
/// </remarks>
public sealed class OnnxFile : ITensorFile
{
    private static readonly Dictionary<string, string> NoMetadata = [];

    private readonly SafeFileHandle _file;
    private readonly Dictionary<string, OnnxTensor> _tensors;

    private OnnxFile(string path)
    {
        Path = path;
        _file = WeightsPath.OpenHandle(path);
        try
        {
            OnnxReader graph = OnnxReader.Read(_file, path);
            Keys = [.. graph.Tensors.Select(t => t.Name)];
            _tensors = graph.Tensors.ToDictionary(t => t.Name, StringComparer.Ordinal);
            Nodes = graph.Nodes;
            Inputs = [.. graph.Inputs.Where(i => !_tensors.ContainsKey(i))];
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public string Path { get; }

    /// <summary>Empty.</summary>
    public IReadOnlyDictionary<string, string> Metadata => NoMetadata;

    /// <summary>The initialisers' names, in the file's order.</summary>
    public IReadOnlyList<string> Keys { get; }

    /// <summary>The graph's nodes, in the file's order.</summary>
    internal IReadOnlyList<OnnxNode> Nodes { get; }

    /// <summary>The names of what the graph takes.</summary>
    internal IReadOnlyList<string> Inputs { get; }

    /// <summary>Whether a file begins as ONNX does: a protocol buffer with a small format version, followed by another field of a model.</summary>
    internal static bool IsOnnx(ReadOnlySpan<byte> start) => start.Length > 3 && start[0] == 0x08 && start[1] is > 0 and < 32
        // Fields 2 to 4, 6 to 8 and 14 as bytes, 5 as an integer.
        && start[2] is 0x12 or 0x1a or 0x22 or 0x28 or 0x32 or 0x3a or 0x42 or 0x72;

    /// <summary>Opens a file and checks all that stands before its initialisers' values.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="WeightsFormatException">The file breaks the format, passes a limit, or keeps values in a way that is not read.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read, or the path is a folder's.</exception>
    public static OnnxFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new OnnxFile(path);
    }

    /// <inheritdoc/>
    public bool Contains(string key) => _tensors.ContainsKey(key);

    /// <inheritdoc/>
    public long[] Shape(string key) => [.. Entry(key).Shape];

    /// <inheritdoc/>
    public ScalarType DType(string key) => Entry(key).DType;

    /// <inheritdoc/>
    /// <exception cref="WeightsFormatException">The file was cut short after it was opened.</exception>
    public Tensor Read(string key, Device? device = null, ScalarType? dtype = null)
    {
        ObjectDisposedException.ThrowIf(_file.IsClosed, this);
        OnnxTensor entry = Entry(key);
        TorchRuntime.Initialize();
        using DisposeScope scope = NewDisposeScope();
        Tensor tensor = empty(entry.Shape, dtype: entry.DType, device: CPU);
        if (!TensorBytes.TryRead(_file, entry.Position, tensor))
            throw new WeightsFormatException(Path, key, "the file was cut short after it was opened: it ends within the tensor's values.");
        return tensor.to(dtype ?? entry.DType, device ?? CPU).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    /// <exception cref="WeightsFormatException">The file was cut short after it was opened.</exception>
    public void CopyTo(string key, Tensor target)
    {
        ArgumentNullException.ThrowIfNull(target);
        using IDisposable noGrad = no_grad();
        using Tensor values = Read(key);
        target.copy_(values);
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private OnnxTensor Entry(string key) => _tensors.TryGetValue(key, out OnnxTensor? tensor) ? tensor
        : throw new KeyNotFoundException($"'{Path}' has no initialiser {KeyText.Quote(key)}.");
}
