namespace PatchDpo.Torch.Weights;

/// <summary>A file of named tensors.</summary>
public interface ITensorFile : ITensorSource, IDisposable
{
    /// <summary>The file's free-form strings; empty where its format has none.</summary>
    IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Whether the file has this tensor.</summary>
    bool Contains(string key);
}
