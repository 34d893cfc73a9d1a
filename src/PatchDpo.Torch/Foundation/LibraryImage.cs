using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace PatchDpo.Torch.Foundation;

/// <summary>Loads a native library from its bytes (Linux): what runs is what this process holds, and no file has to be trusted.</summary>
/// <remarks>
/// The bytes go into a file without a name: in memory or, where the system forbids that, in the temporary folder, where only this
/// user can open it and it is unlinked before it is written. It is loaded by its handle, so that no other file can take its place, and
/// the system frees it with the process, however that ends.
/// </remarks>
[SupportedOSPlatform("linux")]
internal static partial class LibraryImage
{
    private const uint CloseOnExec = 1;

    // The loader knows a library by the path that it came from, here a handle's number, which must not come to mean another file.
    private static readonly List<FileStream> Loaded = [];

    /// <summary>Loads a library.</summary>
    /// <param name="image">The file's bytes.</param>
    /// <param name="name">What tools show that list a process's libraries.</param>
    /// <exception cref="IOException">Neither kind of file can be written.</exception>
    /// <exception cref="UnauthorizedAccessException">There is no file in memory, and the temporary folder must not be written.</exception>
    /// <exception cref="DllNotFoundException">The system's loader does not take the library; the message has its reason.</exception>
    public static void Load(byte[] image, string name)
    {
        try
        {
            Load(image, CreateInMemory(name));
        }
        // No such system call, or memory that must not be executed.
        catch (Exception e) when (e is IOException or TypeLoadException)
        {
            Load(image, CreateUnlinked());
        }
    }

    /// <summary>Loads a library by way of an empty file, which stays open.</summary>
    internal static void Load(byte[] image, FileStream file)
    {
        try
        {
            file.Write(image);
            file.Flush();
            NativeLibrary.Load($"/proc/self/fd/{file.SafeFileHandle.DangerousGetHandle()}");
        }
        catch
        {
            file.Dispose();
            throw;
        }
        lock (Loaded)
            Loaded.Add(file);
    }

    internal static FileStream CreateInMemory(string name)
    {
        int file = MemoryFileCreate(name, CloseOnExec);
        return file >= 0
            ? new FileStream(new SafeFileHandle(file, ownsHandle: true), FileAccess.Write)
            : throw new IOException($"a file in memory cannot be made ({Marshal.GetLastPInvokeErrorMessage()}).");
    }

    internal static FileStream CreateUnlinked()
    {
        string path = Path.Combine(Path.GetTempPath(), $"patchdpo-{Guid.NewGuid():N}.so");
        var file = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        File.Delete(path);
        return file;
    }

    [LibraryImport("libc", EntryPoint = "memfd_create", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int MemoryFileCreate(string name, uint flags);
}
