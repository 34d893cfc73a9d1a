using System.Diagnostics;

namespace PatchDpo.Benchmarks;

/// <summary>Seconds as the contestants of a benchmark are timed.</summary>
internal static class Clock
{
    private static readonly Process Self = Process.GetCurrentProcess();

    /// <summary>
    /// Whether this process's processor time counts and not the time that passes: for machines that are busy with other work, where contestants that
    /// compute on one thread can be compared so.
    /// </summary>
    public static bool CountsProcessorTime { get; set; }

    /// <summary>Seconds since some beginning.</summary>
    public static double Now
    {
        get
        {
            if (!CountsProcessorTime)
                return Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency;
            Self.Refresh();
            return Self.TotalProcessorTime.TotalSeconds;
        }
    }
}
