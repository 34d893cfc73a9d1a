namespace PatchDpo.Torch.Foundation;

/// <summary>Writes files so that a reader sees the old file or the whole new one, never a part.</summary>
/// <remarks>A process that is killed while it writes leaves the old file, and beside it a part of the new one under a name that ends in <c>.tmp</c>.</remarks>
public static class AtomicFile
{
    /// <summary>Writes to a temporary file beside <paramref name="path"/>, flushes it to the disk and renames it over <paramref name="path"/>.</summary>
    /// <param name="path">The file to write; its folder must exist.</param>
    /// <param name="write">Writes the content. Where it throws, the old file stays as it was and the temporary file is removed.</param>
    /// <exception cref="IOException">The file cannot be written (disk full, folder missing, target in use).</exception>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(write);
        string temporary = $"{Path.GetFullPath(path)}.{Path.GetRandomFileName()}.tmp";
        try
        {
            using (FileStream stream = new(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 1 << 16))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }
}
