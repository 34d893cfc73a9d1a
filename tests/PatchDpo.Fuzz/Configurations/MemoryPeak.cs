using System.Globalization;

namespace PatchDpo.Fuzz.Configurations;

/// <summary>The most memory that the process had since a moment, native memory included; Linux only, 0 elsewhere.</summary>
internal static class MemoryPeak
{
    private const string Status = "/proc/self/status", ClearRefs = "/proc/self/clear_refs";

    /// <summary>Starts anew and gives the memory in use, in bytes.</summary>
    public static long Reset()
    {
        if (!File.Exists(ClearRefs))
            return 0;
        // The number that resets the peak (proc(5)).
        File.WriteAllText(ClearRefs, "5");
        return Read("VmRSS:");
    }

    /// <summary>The peak since then, in bytes.</summary>
    public static long Current => File.Exists(ClearRefs) ? Read("VmHWM:") : 0;

    private static long Read(string name)
    {
        string line = File.ReadLines(Status).First(l => l.StartsWith(name, StringComparison.Ordinal));
        return 1024 * long.Parse(line[name.Length..^" kB".Length], NumberStyles.Integer, CultureInfo.InvariantCulture);
    }
}
