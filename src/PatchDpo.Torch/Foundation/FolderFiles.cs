using System.IO.Enumeration;

namespace PatchDpo.Torch.Foundation;

/// <summary>Lists folders of data and models without what desktops, archives and notebooks leave in them.</summary>
/// <remarks>
/// Left out, with all that is in such a folder: names that begin with a dot (<c>._x.png</c>, <c>.DS_Store</c>, <c>.ipynb_checkpoints</c>,
/// <c>.directory</c>), <c>Thumbs.db</c>, <c>ehthumbs.db</c>, <c>desktop.ini</c>, <c>Icon\r</c>, <c>__MACOSX</c>, <c>@eaDir</c>, <c>#recycle</c>,
/// <c>$RECYCLE.BIN</c>, <c>System Volume Information</c> and <c>lost+found</c>, in any case. The folder that is asked for may be called as it likes.
/// </remarks>
public static class FolderFiles
{
    private static readonly string[] Names =
    [
        "Thumbs.db", "Thumbs.db:encryptable", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "Icon\r", "__MACOSX",
        "@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found",
    ];

    /// <summary>Whether a file or folder of this name is left out.</summary>
    /// <param name="name">The name without a path.</param>
    public static bool IsLitter(ReadOnlySpan<char> name)
    {
        if (name.StartsWith('.'))
            return true;
        foreach (string litter in Names)
            if (name.Equals(litter, StringComparison.OrdinalIgnoreCase))
                return true;
        return false;
    }

    /// <summary>The files of a folder, in the order of their paths.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="recursive">Whether the files of the folders in it are among them.</param>
    /// <returns>Paths that begin with <paramref name="folder"/>.</returns>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static IReadOnlyList<string> Files(string folder, bool recursive = false) => Entries(folder, recursive, folders: false);

    /// <summary>The folders in a folder, in the order of their paths.</summary>
    /// <param name="folder">The folder.</param>
    /// <returns>Paths that begin with <paramref name="folder"/>.</returns>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static IReadOnlyList<string> Folders(string folder) => Entries(folder, recursive: false, folders: true);

    private static string[] Entries(string folder, bool recursive, bool folders)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (!Directory.Exists(folder))
            throw new DirectoryNotFoundException(
                File.Exists(folder) ? $"'{folder}' is a file, where a folder is expected." : $"There is no folder '{folder}'.");
        var options = new EnumerationOptions { RecurseSubdirectories = recursive, AttributesToSkip = 0, IgnoreInaccessible = false };
        var entries = new FileSystemEnumerable<string>(folder, (ref entry) => entry.ToSpecifiedFullPath(), options)
        {
            ShouldIncludePredicate = (ref entry) => entry.IsDirectory == folders && !IsLitter(entry.FileName),
            ShouldRecursePredicate = (ref entry) => !IsLitter(entry.FileName),
        };
        return [.. entries.Order(StringComparer.Ordinal)];
    }
}
