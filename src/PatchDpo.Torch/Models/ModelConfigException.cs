using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Models;

/// <summary>A model's JSON configuration is not readable, or a field is missing or has another kind of value.</summary>
public sealed class ModelConfigException : PatchDpoException
{
    /// <summary>Builds the message from the file, the field and what is wrong.</summary>
    /// <param name="path">The file (or the name of the text).</param>
    /// <param name="field">The field at fault, dotted from the root, or null where the fault is the file's.</param>
    /// <param name="problem">What is wrong, as the end of a sentence.</param>
    /// <param name="inner">The exception behind it; null: none.</param>
    public ModelConfigException(string path, string? field, string problem, Exception? inner = null)
        : base(field is null ? $"'{path}': {problem}" : $"'{path}', field '{field}': {problem}", inner)
    {
        Path = path;
        Field = field;
    }

    /// <summary>The file at fault.</summary>
    public string Path { get; }

    /// <summary>The field at fault, dotted from the root, or null.</summary>
    public string? Field { get; }
}
