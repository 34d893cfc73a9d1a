using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Weights;

/// <summary>A model folder lacks a file that it must have.</summary>
public sealed class ModelFileNotFoundException : PatchDpoException
{
    /// <summary>Builds the message from the folder and what was looked for.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="candidates">The file names that would have done.</param>
    /// <param name="advice">What else would do, as a sentence; null for none.</param>
    public ModelFileNotFoundException(string folder, IReadOnlyList<string> candidates, string? advice = null)
        : base((Directory.Exists(folder)
            ? $"The model folder '{folder}' has none of these files: {string.Join(", ", candidates)}."
            : File.Exists(folder)
            ? $"'{folder}' is a file, not a model's folder (looked for {string.Join(", ", candidates)} in it); give the folder, or open the file as one."
            : $"The model folder '{folder}' does not exist (looked for {string.Join(", ", candidates)}).") + (advice is null ? "" : " " + advice))
    {
        Folder = folder;
        Candidates = candidates;
    }

    /// <summary>Builds the message for a shard that an index names.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="shard">The missing file's name.</param>
    /// <param name="index">The index.</param>
    /// <param name="key">The first tensor that should be in it.</param>
    public ModelFileNotFoundException(string folder, string shard, string index, string key)
        : base($"The model folder '{folder}' has no file {KeyText.Quote(shard)}, in which '{index}' places the tensor {KeyText.Quote(key)}.")
    {
        Folder = folder;
        Candidates = [shard];
    }

    /// <summary>The model's folder.</summary>
    public string Folder { get; }

    /// <summary>The file names that would have done.</summary>
    public IReadOnlyList<string> Candidates { get; }
}
