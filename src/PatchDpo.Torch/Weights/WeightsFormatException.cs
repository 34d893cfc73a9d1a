using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Weights;

/// <summary>A weight file does not follow its format. The file was read only; no code in it ran.</summary>
public sealed class WeightsFormatException : PatchDpoException
{
    /// <summary>Builds the message from the file, the key where one is at fault, and what is wrong.</summary>
    /// <param name="path">The file (or the name of the stream).</param>
    /// <param name="key">The tensor or header entry at fault, or null where the fault is the file's.</param>
    /// <param name="problem">What is wrong, as the end of a sentence.</param>
    /// <param name="inner">The exception behind it; null: none.</param>
    public WeightsFormatException(string path, string? key, string problem, Exception? inner = null)
        : base(key is null ? $"'{path}': {problem}" : $"'{path}', key {KeyText.Quote(key)}: {problem}", inner)
    {
        Path = path;
        Key = key;
    }

    /// <summary>The file at fault.</summary>
    public string Path { get; }

    /// <summary>The key at fault, as it stands in the file, or null.</summary>
    public string? Key { get; }
}
