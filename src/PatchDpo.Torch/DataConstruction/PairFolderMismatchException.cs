using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>A folder was built, or begun, with other options, prompts or models; continuing would mix two data sets.</summary>
public sealed class PairFolderMismatchException : PatchDpoException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="changes">What differs, one line each: the name, the folder's value and the new one.</param>
    public PairFolderMismatchException(string folder, IReadOnlyList<string> changes)
        : base($"The data set in '{folder}' was begun otherwise ({string.Join("; ", changes)}). Build with the same options and models, or into another "
            + "folder.")
    {
        Folder = folder;
        Changes = changes;
    }

    /// <summary>The folder.</summary>
    public string Folder { get; }

    /// <summary>What differs, one line each.</summary>
    public IReadOnlyList<string> Changes { get; }
}
