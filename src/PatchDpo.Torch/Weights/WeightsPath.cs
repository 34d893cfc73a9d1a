
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Weights;

/// <summary>Looks at a path before a weight file is opened there.</summary>
internal static class WeightsPath
{
    /// <summary>Refuses pipes, devices and sockets, of which opening or reading may never end. A folder passes: opening it says so.</summary>
    /// <exception cref="WeightsFormatException">The path is one of these.</exception>
    public static void Require(string path)
    {
        if (!Directory.Exists(path))
            RegularFile.Require(path, kind => new WeightsFormatException(path, null, $"this is {kind}, not a weight file."));
    }
}
