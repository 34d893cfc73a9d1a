using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Loop;

/// <summary>A training is to go on with other options, data or weights than it was begun with; the result would be of neither.</summary>
public sealed class TrainingStateMismatchException : PatchDpoException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="folder">The state's folder.</param>
    /// <param name="changes">What differs, one line each: the name, the state's value and the new one.</param>
    /// <param name="changeable">The names of what may be changed.</param>
    public TrainingStateMismatchException(string folder, IReadOnlyList<string> changes, IReadOnlyList<string> changeable)
        : base($"The training in '{folder}' was begun otherwise ({string.Join("; ", changes)}). Go on with the same options, pairs and model, or train with "
            + $"another folder. What may change: {string.Join(", ", changeable)}.")
    {
        Folder = folder;
        Changes = changes;
    }

    /// <summary>The state's folder.</summary>
    public string Folder { get; }

    /// <summary>What differs, one line each.</summary>
    public IReadOnlyList<string> Changes { get; }
}
