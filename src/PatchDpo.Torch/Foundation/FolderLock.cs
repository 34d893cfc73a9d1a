namespace PatchDpo.Torch.Foundation;

/// <summary>Keeps other processes, and other threads of this one, from writing into a folder at the same time.</summary>
/// <remarks>
/// An open file that no one else can open. The system lets go of it when the process ends, however it ends, so that what a killed one leaves
/// does not stand in the way; what is left is an empty file that the next one takes over.
/// </remarks>
internal sealed class FolderLock : IDisposable
{
    /// <summary>The lock's name in the folder.</summary>
    public const string FileName = "build.lock";

    // ERROR_SHARING_VIOLATION, EAGAIN on Linux and on macOS: what .NET reports of a file that is open elsewhere.
    private static readonly int[] s_sharingViolations = [unchecked((int)0x80070020), 11, 35];

    private readonly FileStream _file;

    private FolderLock(FileStream file) => _file = file;

    /// <summary>Takes the lock.</summary>
    /// <param name="folder">A folder that is there.</param>
    /// <param name="work">What is done in the folder, for the message.</param>
    /// <exception cref="IOException">Another process or thread holds it, or the folder cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder cannot be written.</exception>
    public static FolderLock Take(string folder, string work)
    {
        string path = Path.Combine(folder, FileName);
        while (true)
        {
            try
            {
                var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose);
                // One who let go in between has removed the file that was just opened: it would lock no one out.
                if (File.Exists(path))
                    return new FolderLock(file);
                file.Dispose();
            }
            catch (IOException e) when (s_sharingViolations.Contains(e.HResult))
            {
                throw new IOException($"Another process {work} '{folder}' at this moment. Wait until it is done, or choose another folder.", e);
            }
        }
    }

    /// <summary>Lets go of the folder.</summary>
    public void Dispose() => _file.Dispose();
}
