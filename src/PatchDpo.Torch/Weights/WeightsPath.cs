using Microsoft.Win32.SafeHandles;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Weights;

/// <summary>Opens weight files, and no pipe, device or socket in their place, of which opening or reading may never end.</summary>
internal static class WeightsPath
{
    /// <summary>Opens a file for reading at positions.</summary>
    /// <exception cref="WeightsFormatException">The path is a pipe's, a device's or a socket's.</exception>
    /// <exception cref="UnauthorizedAccessException">The path is a folder's, or the file may not be read.</exception>
    /// <exception cref="IOException">The file is not there or cannot be read.</exception>
    public static SafeFileHandle OpenHandle(string path) => RegularFile.OpenHandle(path, kind => Fault(path, kind));

    /// <summary>Opens a file for reading from its beginning on; throws as <see cref="OpenHandle"/>.</summary>
    public static FileStream OpenRead(string path) => RegularFile.OpenRead(path, kind => Fault(path, kind));

    private static Exception Fault(string path, string kind)
        => Directory.Exists(path) ? new UnauthorizedAccessException($"'{path}' is {kind}, not a weight file.")
            : new WeightsFormatException(path, null, $"this is {kind}, not a weight file.");
}
