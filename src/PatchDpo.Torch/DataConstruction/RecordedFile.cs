using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>Files that a manifest names, or a file of image prompts.</summary>
internal static class RecordedFile
{
    /// <summary>Where a file is.</summary>
    /// <param name="folder">The folder of pairs.</param>
    /// <param name="file">The path that the manifest has.</param>
    /// <exception cref="PairFolderException">The path leads out of the folder.</exception>
    public static string Locate(string folder, string file)
        => Find(folder, file) ?? throw new PairFolderException(folder, file, "the manifest names a path that is not one below the folder.");

    /// <summary>Where a file is; null: the path leads out of the folder.</summary>
    /// <param name="folder">The folder of pairs.</param>
    /// <param name="file">The path, with slashes of either kind.</param>
    public static string? Find(string folder, string file)
    {
        string[] parts = file.Split('/', '\\');
        return Path.IsPathRooted(file) || parts.Any(
            p => p is "" or "." or ".." || p.Contains(':', StringComparison.Ordinal) || p.Contains('\0', StringComparison.Ordinal))
            ? null
            : Path.Combine([folder, .. parts]);
    }

    /// <summary>Checks that a file is there and holds what was written.</summary>
    /// <exception cref="PairFolderException">It is missing, or has other content.</exception>
    public static void Check(string folder, string file, string sha256)
    {
        string path = Locate(folder, file);
        if (!File.Exists(path))
            throw new PairFolderException(folder, file, "the file is missing, although the manifest has it. Put it back, or build into an empty folder.");
        if (FileHash.Of(path, kind => new PairFolderException(folder, file, $"this is {kind}, not the file that was written.")) != sha256)
            throw new PairFolderException(folder, file, "the file is not the one that was written: its SHA-256 differs from the manifest's. Put it back, or "
                + "build into an empty folder.");
    }
}
