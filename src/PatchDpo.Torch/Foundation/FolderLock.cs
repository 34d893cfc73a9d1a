namespace PatchDpo.Torch.Foundation;

/// <summary>Keeps other processes, and other threads of this one, from writing into a folder at the same time.</summary>
/// <remarks>
/// An open file that no one else can open, or lock. The system lets go of it when the process ends, however it ends, so that what a killed one leaves
/// does not stand in the way; what is left is an empty file that the next one takes over.
/// </remarks>
internal sealed class FolderLock : IDisposable
{
    /// <summary>The lock's name in the folder.</summary>
    public const string FileName = "build.lock";

    // Each one is lost to another that took the lock and let go of it in between.
    private const int MaxAttempts = 1000;

    // ERROR_SHARING_VIOLATION, EAGAIN on Linux and on macOS: what .NET reports of a file that is open elsewhere.
    private static readonly int[] SharingViolations = [unchecked((int)0x80070020), 11, 35];

    private readonly FileStream _file;
    private readonly string _path;

    private FolderLock(FileStream file, string path) => (_file, _path) = (file, path);

    /// <summary>Takes the lock.</summary>
    /// <param name="folder">A folder that is there.</param>
    /// <param name="work">What is done in the folder, for the message.</param>
    /// <exception cref="IOException">Another process or thread holds it, or the folder cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder cannot be written.</exception>
    public static FolderLock Take(string folder, string work) => TryTake(folder)
        ?? throw new IOException($"Another process {work} '{folder}' at this moment. Wait until it is done, or choose another folder.");

    /// <summary>Takes the lock, or gives null where another process or thread holds it.</summary>
    /// <param name="folder">A folder that is there.</param>
    /// <param name="name">The lock's file in it: a folder may have several.</param>
    /// <exception cref="IOException">The folder cannot be written, or is not there.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder cannot be written.</exception>
    public static FolderLock? TryTake(string folder, string name = FileName)
    {
        string path = Path.Combine(folder, name);
        for (int attempt = 0; attempt < MaxAttempts; attempt++)
        {
            try
            {
                // Elsewhere than on Windows, .NET deletes on closing whatever has the name by then, be it another's lock.
                var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0,
                    OperatingSystem.IsWindows() ? FileOptions.DeleteOnClose : FileOptions.None);
                // One who let go in between has removed the file that was just opened, and a third may have made another: it would lock no one out.
                if (RegularFile.IsAt(file.SafeFileHandle, path))
                    return new FolderLock(file, path);
                file.Dispose();
            }
            catch (IOException e) when (SharingViolations.Contains(e.HResult))
            {
                return null;
            }
        }
        return null;
    }

    /// <summary>Lets go of the folder.</summary>
    public void Dispose()
    {
        try
        {
            // While it is still locked: nobody else can hold a lock on this file then.
            if (!OperatingSystem.IsWindows() && !_file.SafeFileHandle.IsClosed && RegularFile.IsAt(_file.SafeFileHandle, _path))
                File.Delete(_path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // An empty file stays, which the next one takes over.
        }
        finally
        {
            _file.Dispose();
        }
    }
}
