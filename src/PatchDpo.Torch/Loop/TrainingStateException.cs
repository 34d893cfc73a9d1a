using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Loop;

/// <summary>A training's state on the disk cannot be gone on from: it is damaged, of another version, or beyond the steps that are asked for.</summary>
public sealed class TrainingStateException : PatchDpoException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="path">The file or folder.</param>
    /// <param name="problem">What is wrong, as the end of a sentence.</param>
    /// <param name="innerException">The cause, or null.</param>
    public TrainingStateException(string path, string problem, Exception? innerException = null) : base($"'{path}': {problem}", innerException)
        => Path = path;

    /// <summary>The file or folder.</summary>
    public string Path { get; }
}
