using static TorchSharp.torch;

namespace PatchDpo.Torch.Weights;

/// <summary>Some or all of a file's tensors under other names; it owns the file.</summary>
/// <param name="file">The file.</param>
/// <param name="keys">The file's keys by their new names.</param>
internal sealed class RenamedTensorFile(ITensorFile file, IReadOnlyDictionary<string, string> keys) : ITensorFile
{
    /// <inheritdoc/>
    public string Path => file.Path;

    /// <inheritdoc/>
    public IReadOnlyList<string> Keys { get; } = [.. keys.Keys];

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> Metadata => file.Metadata;

    /// <inheritdoc/>
    public bool Contains(string key) => keys.ContainsKey(key);

    /// <inheritdoc/>
    public long[] Shape(string key) => file.Shape(Original(key));

    /// <inheritdoc/>
    public ScalarType DType(string key) => file.DType(Original(key));

    /// <inheritdoc/>
    public Tensor Read(string key, Device? device = null, ScalarType? dtype = null) => file.Read(Original(key), device, dtype);

    /// <inheritdoc/>
    public void CopyTo(string key, Tensor target) => file.CopyTo(Original(key), target);

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();

    private string Original(string key)
        => keys.TryGetValue(key, out string? original) ? original : throw new KeyNotFoundException($"'{Path}' has no tensor {KeyText.Quote(key)}.");
}
