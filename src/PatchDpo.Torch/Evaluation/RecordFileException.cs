using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Evaluation;

/// <summary>A file of scores, or of a training's course, is none that this library wrote.</summary>
public sealed class RecordFileException : PatchDpoException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="path">The file at fault.</param>
    /// <param name="line">The line in it, from 1; null where the whole is at fault.</param>
    /// <param name="problem">What is wrong, as the end of a sentence.</param>
    /// <param name="innerException">What it came from, where there is such.</param>
    public RecordFileException(string path, int? line, string problem, Exception? innerException = null)
        : base($"'{path}'{(line is null ? "" : $", line {line}")}: {problem}", innerException)
    {
        Path = path;
        Line = line;
    }

    /// <summary>The file at fault.</summary>
    public string Path { get; }

    /// <summary>The line in it, from 1; null where the whole is at fault.</summary>
    public int? Line { get; }
}
