using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace PatchDpo.Torch.Foundation;

/// <summary>Opens files that a user names, and nothing that only has a file's name: opening a pipe, or reading a device, may never end.</summary>
public static partial class RegularFile
{
    // POSIX: the bits of a mode that tell the kind, and the kinds.
    private const int KindMask = 0xF000, Pipe = 0x1000, CharacterDevice = 0x2000, Folder = 0x4000, BlockDevice = 0x6000, Regular = 0x8000, Socket = 0xC000;

    // Where .NET's own stat puts the mode, and room for all that it writes.
    private const int ModeOffset = 4, DeviceOffset = 88, NumberOffset = 104, StatusLength = 256;

    // What open reports, the same numbers on Linux and macOS but for a loop of links; and of flock, EAGAIN of each.
    private const int NotPermitted = 1, NoEntry = 2, Interrupted = 4, AccessDenied = 13, NotFolder = 20;
    private static readonly int[] LinkLoop = [40, 62], WouldWait = [11, 35];

    private const int LockShared = 1, LockWithoutWaiting = 4;

    private const int ReadOnly = 0;
    private static readonly int NonBlocking = OperatingSystem.IsMacOS() ? 0x4 : 0x800;
    private static readonly int CloseOnExec = OperatingSystem.IsMacOS() ? 0x1000000 : 0x80000;

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
    /// <returns>The file, unbuffered.</returns>
    /// <exception cref="FileNotFoundException">Nothing is there, or a link that leads nowhere.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public static FileStream OpenRead(string path, Func<string, Exception> fault) => new(OpenHandle(path, fault), FileAccess.Read, bufferSize: 0);

    /// <summary>As <see cref="OpenRead"/>, for reading at positions.</summary>
    internal static SafeFileHandle OpenHandle(string path, Func<string, Exception> fault)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(fault);
        // The system would take the path as far as that.
        if (path.Contains('\0', StringComparison.Ordinal))
            throw new ArgumentException("The path has a null character.", nameof(path));
        // Before it is opened: opening alone makes some devices do something.
        Require(path, fault);
        SafeFileHandle handle = Open(path);
        try
        {
            // And after: by now another thing may have taken the name.
            if (DescribeOpen(handle) is string kind)
                throw fault(kind);
            TakeShared(handle, path);
            return handle;
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Whether the file that is open still has its name: another may have been put there since, or none.</summary>
    internal static bool IsAt(SafeFileHandle handle, string path)
    {
        if (OperatingSystem.IsWindows())
            return File.Exists(path);
        Span<byte> open = stackalloc byte[StatusLength], named = stackalloc byte[StatusLength];
        return StatHandle(handle, ref MemoryMarshal.GetReference(open)) == 0 && Stat(path, ref MemoryMarshal.GetReference(named)) == 0
            && open.Slice(DeviceOffset, sizeof(long)).SequenceEqual(named.Slice(DeviceOffset, sizeof(long)))
            && open.Slice(NumberOffset, sizeof(long)).SequenceEqual(named.Slice(NumberOffset, sizeof(long)));
    }

    private static SafeFileHandle Open(string path)
    {
        if (OperatingSystem.IsWindows())
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        while (true)
        {
            // Without waiting for the writer of a pipe that has taken the file's name since.
            SafeFileHandle handle = OpenNonBlocking(path, ReadOnly | NonBlocking | CloseOnExec);
            if (!handle.IsInvalid)
                return handle;
            int error = Marshal.GetLastPInvokeError();
            handle.Dispose();
            if (error != Interrupted)
                throw Refusal(path, error);
        }
    }

    // Not by opening it .NET's way, which would wait for a pipe.
    private static Exception Refusal(string path, int error)
    {
        string words = Marshal.GetPInvokeErrorMessage(error);
        if (error is AccessDenied or NotPermitted)
            return new UnauthorizedAccessException($"'{path}' may not be read: {words}.");
        if (error is not (NoEntry or NotFolder) && !LinkLoop.Contains(error))
            return new IOException($"'{path}' cannot be opened: {words}.", error);
        return new FileNotFoundException(
            new FileInfo(path).LinkTarget is string target ? $"'{path}' is a link to '{target}', where there is no file."
                : $"There is no file '{path}'.", path);
    }

    private static string? DescribeOpen(SafeFileHandle handle)
    {
        if (OperatingSystem.IsWindows())
        {
            using FileStream stream = new(new SafeFileHandle(handle.DangerousGetHandle(), ownsHandle: false), FileAccess.Read, bufferSize: 0);
            return stream.CanSeek ? null : "a device";
        }
        Span<byte> status = stackalloc byte[StatusLength];
        return StatHandle(handle, ref MemoryMarshal.GetReference(status)) == 0 ? DescribeMode(status) : null;
    }

    // As .NET does: a file that another .NET process holds for itself is not read while it writes. Where the file system has no locks, none is taken.
    private static void TakeShared(SafeFileHandle handle, string path)
    {
        if (OperatingSystem.IsWindows() || Lock(handle, LockShared | LockWithoutWaiting) == 0)
            return;
        if (Marshal.GetLastPInvokeError() is int error && WouldWait.Contains(error))
            throw new IOException($"'{path}' is being written by another process.", error);
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

    [LibraryImport("libSystem.Native", EntryPoint = "SystemNative_FLock", SetLastError = true)]
    private static partial int Lock(SafeFileHandle handle, int operation);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle OpenNonBlocking(string path, int flags);
}
