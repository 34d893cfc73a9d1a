using System.Diagnostics;

namespace PatchDpo.Benchmarks;

/// <summary>Speed of readers against plain reads of the same file into one buffer, all from the page cache.</summary>
internal static class ReadSpeed
{
    /// <summary>Measures in turns, so that a change of the machine's load meets all; the first round only warms up.</summary>
    /// <param name="path">The file.</param>
    /// <param name="repeats">Measurements of each; the medians are printed.</param>
    /// <param name="readers">The readers' names, and what reads the whole file.</param>
    public static void Compare(string path, int repeats, params (string Name, Action Read)[] readers)
    {
        long bytes = new FileInfo(path).Length;
        byte[] used = new byte[bytes];
        (string Name, Action Read)[] all =
        [
            ("FileStream into one new buffer", () => ReadPlain(path, GC.AllocateUninitializedArray<byte>((int)bytes))),
            ("FileStream into one buffer in use before", () => ReadPlain(path, used)),
            .. readers,
        ];
        double[][] speeds = [.. all.Select(_ => new double[repeats])];
        for (int i = -1; i < repeats; i++)
        {
            for (int k = 0; k < all.Length; k++)
            {
                double speed = Speed(bytes, all[k].Read);
                if (i >= 0)
                    speeds[k][i] = speed;
            }
        }
        Console.WriteLine($"{bytes / 1e6:f0} MB, medians of {repeats} (least .. most)                               / new buffer   / used buffer");
        for (int k = 0; k < all.Length; k++)
            Console.WriteLine($"{all[k].Name,-42} {Median(speeds[k]),7:f0} MB/s {$"({speeds[k].Min():f0} .. {speeds[k].Max():f0})",-18} {Median(speeds[k]) / Median(speeds[0]),9:f2} {Median(speeds[k]) / Median(speeds[1]),14:f2}");
    }

    private static void ReadPlain(string path, byte[] buffer)
    {
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        stream.ReadExactly(buffer);
    }

    private static double Speed(long bytes, Action action)
    {
        // Gives the last buffer's pages back to the system, so that new memory is new to each.
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        long start = Stopwatch.GetTimestamp();
        action();
        return bytes / Stopwatch.GetElapsedTime(start).TotalSeconds / 1e6;
    }

    private static double Median(double[] values) => values.Order().ElementAt(values.Length / 2);
}
