using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>A file of prompts cannot be used.</summary>
public sealed class PromptFileException : PatchDpoException
{
    /// <summary>Builds the message from the file, the line where one is at fault, and what is wrong.</summary>
    /// <param name="path">The file.</param>
    /// <param name="line">The line at fault, from 1, or null where the fault is the file's.</param>
    /// <param name="problem">What is wrong, as the end of a sentence.</param>
    /// <param name="inner">The exception behind it; null: none.</param>
    public PromptFileException(string path, int? line, string problem, Exception? inner = null)
        : base(line is int l ? $"'{path}', line {l}: {problem}" : $"'{path}': {problem}", inner)
    {
        Path = path;
        Line = line;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The line at fault, from 1, or null.</summary>
    public int? Line { get; }
}
