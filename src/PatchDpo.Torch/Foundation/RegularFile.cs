using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace PatchDpo.Torch.Foundation;

/// <summary>Opens files that a user names, and nothing that only has a file's name: opening a pipe, or reading a device, may never end.</summary>
public static partial class RegularFile
{
    // POSIX: the bits of a mode that tell the kind, and the kinds.
    private const int KindMask = 0xF000, Pipe = 0x1000, CharacterDevice = 0x2000, Folder = 0x4000, BlockDevice = 0x6000, Regular = 0x8000, Socket = 0xC000;

    // Where .NET's own stat puts the mode, and room for all that it writes.
    private const int ModeOffset = 4, StatusLength = 256;

    private const int ReadOnly = 0;
    private static readonly int s_nonBlocking = OperatingSystem.IsMacOS() ? 0x4 : 0x800;
    private static readonly int s_closeOnExec = OperatingSystem.IsMacOS() ? 0x1000000 : 0x80000;

    /// <summary>What stands at a path in a file's place.</summary>
    /// <param name="path">The path; links are followed. Nothing is opened.</param>
    /// <returns>"a folder", "a named pipe", "a device" or "a socket"; null for a file, and where nothing is.</returns>
    public static string? Describe(string path)
    {
        if (Directory.Exists(path))
            return "a folder";
        if (OperatingSystem.IsWindows())
            return null;
        Span<byte> status = stackalloc byte[StatusLength];
        return Stat(path, ref MemoryMarshal.GetReference(status)) == 0 ? DescribeMode(status) : null;
    }

    /// <summary>Throws for what is no file; a path where nothing is passes, so that opening it says so.</summary>
    /// <param name="path">The path; links are followed.</param>
    /// <param name="fault">Makes the exception from what stands there instead ("a named pipe").</param>
    internal static void Require(string path, Func<string, Exception> fault)
    {
        if (Describe(path) is string kind)
            throw fault(kind);
    }

    /// <summary>Opens a file for reading.</summary>
    /// <param name="path">The path; links are followed.</param>
    /// <param name="fault">Makes the exception from what stands there instead of a file ("a named pipe").</param>
    /// <exception cref="FileNotFoundException">Nothing is there, or a link that leads nowhere.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    internal static FileStream OpenRead(string path, Func<string, Exception> fault)
    {
        // Before it is opened: opening alone makes some devices do something.
        Require(path, fault);
        if (!IsThere(path))
        {
            throw new FileNotFoundException(
                new FileInfo(path).LinkTarget is string target ? $"'{path}' is a link to '{target}', where there is no file."
                    : $"There is no image file '{path}'.", path);
        }
        FileStream stream = new(Open(path), FileAccess.Read, bufferSize: 0);
        try
        {
            // And after: by now another thing may have taken the name.
            Span<byte> status = stackalloc byte[StatusLength];
            if (!OperatingSystem.IsWindows() && StatHandle(stream.SafeFileHandle, ref MemoryMarshal.GetReference(status)) == 0
                && DescribeMode(status) is string kind)
                throw fault(kind);
            if (!stream.CanSeek)
                throw fault("a device");
            return stream;
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    // To .NET a link that leads nowhere is there.
    private static bool IsThere(string path)
    {
        if (OperatingSystem.IsWindows())
            return File.Exists(path);
        Span<byte> status = stackalloc byte[StatusLength];
        return Stat(path, ref MemoryMarshal.GetReference(status)) == 0;
    }

    private static SafeFileHandle Open(string path)
    {
        if (OperatingSystem.IsWindows())
            return File.OpenHandle(path);
        // Without waiting for the writer of a pipe that has taken the file's name since.
        SafeFileHandle handle = OpenNonBlocking(path, ReadOnly | s_nonBlocking | s_closeOnExec);
        // .NET's way tells in its own exceptions why it cannot be opened.
        return handle.IsInvalid ? File.OpenHandle(path) : handle;
    }

    private static string? DescribeMode(ReadOnlySpan<byte> status) => (BitConverter.ToInt32(status[ModeOffset..]) & KindMask) switch
    {
        Regular => null,
        Folder => "a folder",
        Pipe => "a named pipe",
        Socket => "a socket",
        CharacterDevice or BlockDevice => "a device",
        _ => "no file",
    };

    // Of .NET's own layer over POSIX, whose status has the same layout on every system; links are followed.
    [LibraryImport("libSystem.Native", EntryPoint = "SystemNative_Stat", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Stat(string path, ref byte status);

    [LibraryImport("libSystem.Native", EntryPoint = "SystemNative_FStat")]
    private static partial int StatHandle(SafeFileHandle handle, ref byte status);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle OpenNonBlocking(string path, int flags);
}
