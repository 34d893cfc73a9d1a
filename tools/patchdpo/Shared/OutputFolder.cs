namespace PatchDpo.Tool.Shared;

/// <summary>Checks that a command can write what it is about to compute.</summary>
internal static class OutputFolder
{
    /// <summary>Makes a folder, or a file in it, and removes it again.</summary>
    /// <param name="path">The folder; it need not be there.</param>
    /// <exception cref="IOException">It cannot be made or written; the message names it.</exception>
    /// <exception cref="UnauthorizedAccessException">It cannot be made or written; the message names it.</exception>
    public static void Check(string path)
    {
        if (File.Exists(path))
            throw new IOException($"The output '{path}' is a file, where a folder is expected.");
        string existing = path;
        while (!Directory.Exists(existing) && Path.GetDirectoryName(existing) is string parent)
            existing = parent;
        try
        {
            using FileStream probe = new(Path.Combine(existing, $".{Path.GetRandomFileName()}"), FileMode.CreateNew, FileAccess.Write, FileShare.None,
                bufferSize: 0, FileOptions.DeleteOnClose);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"The output folder '{path}' cannot be written: {e.Message}", e);
        }
    }
}
