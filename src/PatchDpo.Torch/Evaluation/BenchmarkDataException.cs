using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Evaluation;

/// <summary>A benchmark's data set is not as its layout says.</summary>
public sealed class BenchmarkDataException : PatchDpoException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="path">The file or folder at fault.</param>
    /// <param name="place">The place in it, such as a combination; null where the whole is at fault.</param>
    /// <param name="problem">What is wrong, as the end of a sentence.</param>
    /// <param name="innerException">What it came from, where there is such.</param>
    public BenchmarkDataException(string path, string? place, string problem, Exception? innerException = null)
        : base($"'{path}'{(place is null ? "" : $", {place}")}: {problem}", innerException)
    {
        Path = path;
        Place = place;
    }

    /// <summary>The file or folder at fault.</summary>
    public string Path { get; }

    /// <summary>The place in it, such as a combination; null where the whole is at fault.</summary>
    public string? Place { get; }
}
