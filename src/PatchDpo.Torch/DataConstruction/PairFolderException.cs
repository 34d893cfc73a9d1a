using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>
/// A folder of pairs is not as its layout says: a file is missing or damaged, a pair stands there twice, a map has another grid or impossible values.
/// </summary>
public sealed class PairFolderException : PatchDpoException
{
    /// <summary>Builds the message from the file or folder, the place in it, and what is wrong.</summary>
    /// <param name="path">The file or folder at fault.</param>
    /// <param name="place">The place in it, for example <c>[3][0].target_map</c>, or null.</param>
    /// <param name="problem">What is wrong, as the end of a sentence.</param>
    /// <param name="inner">The exception behind it; null: none.</param>
    public PairFolderException(string path, string? place, string problem, Exception? inner = null)
        : base(place is null ? $"'{path}': {problem}" : $"'{path}', {place}: {problem}", inner)
    {
        Path = path;
        Place = place;
    }

    /// <summary>The file or folder at fault.</summary>
    public string Path { get; }

    /// <summary>The place in it, or null.</summary>
    public string? Place { get; }
}
