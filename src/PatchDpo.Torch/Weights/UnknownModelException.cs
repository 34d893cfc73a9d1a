using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Weights;

/// <summary>A file's tensors are those of no model that can be opened, or do not tell the model's shape.</summary>
public sealed class UnknownModelException : PatchDpoException
{
    /// <summary>Builds the message from the file, the tensor where one is at fault, and what is wrong.</summary>
    /// <param name="path">The file (or the name of the source).</param>
    /// <param name="key">The tensor at fault, or null where the fault is the file's.</param>
    /// <param name="problem">What is wrong, or what was looked for, as the end of a sentence.</param>
    public UnknownModelException(string path, string? key, string problem)
        : base(key is null ? $"'{path}': {problem}" : $"'{path}', key {KeyText.Quote(key)}: {problem}")
    {
        Path = path;
        Key = key;
    }

    /// <summary>The file at fault.</summary>
    public string Path { get; }

    /// <summary>The tensor at fault, or null.</summary>
    public string? Key { get; }
}
