using System.Diagnostics;

namespace PatchDpo.Benchmarks;

/// <summary>Times contestants side by side.</summary>
internal static class Timing
{
    /// <summary>The median time of each contestant in milliseconds: they take turns, after one unmeasured round.</summary>
    public static double[] Medians(int rounds, params Action[] contestants)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rounds, 1);
        double[][] times = Array.ConvertAll(contestants, _ => new double[rounds]);
        for (int round = -1; round < rounds; round++)
        {
            for (int i = 0; i < contestants.Length; i++)
            {
                long start = Stopwatch.GetTimestamp();
                contestants[i]();
                if (round >= 0)
                    times[i][round] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            }
        }

        foreach (double[] list in times)
            Array.Sort(list);
        return Array.ConvertAll(times, list => list[rounds / 2]);
    }
}
