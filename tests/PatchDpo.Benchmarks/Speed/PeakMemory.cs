using System.Globalization;

namespace PatchDpo.Benchmarks.Speed;

/// <summary>This process's highest resident memory, from a chosen moment on; Linux alone tells.</summary>
internal static class PeakMemory
{
    /// <summary>Forgets what was before.</summary>
    /// <returns>False where the system does not do that.</returns>
    public static bool TryReset()
    {
        try
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            File.WriteAllText("/proc/self/clear_refs", "5");
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>The highest since then.</summary>
    public static double Megabytes() => double.Parse(
        File.ReadLines("/proc/self/status").First(l => l.StartsWith("VmHWM:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture) / 1e3;
}
