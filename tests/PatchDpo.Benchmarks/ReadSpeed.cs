using System.Diagnostics;

namespace PatchDpo.Benchmarks;

/// <summary>Speed of a reader against plain reads of the same file into one buffer, all from the page cache.</summary>
internal static class ReadSpeed
{
    /// <summary>Measures in turns, so that a change of the machine's load meets all; the first round only warms up.</summary>
    /// <param name="path">The file.</param>
    /// <param name="what">The reader's name.</param>
    /// <param name="read">Reads the whole file.</param>
    /// <param name="repeats">Measurements of each; the medians are printed.</param>
    public static void Compare(string path, string what, Action read, int repeats)
    {
        long bytes = new FileInfo(path).Length;
        byte[] used = new byte[bytes];
        double[] plainNew = new double[repeats], plainUsed = new double[repeats], ours = new double[repeats];
        for (int i = -1; i < repeats; i++)
        {
            double newSpeed = Speed(bytes, () => ReadPlain(path, GC.AllocateUninitializedArray<byte>((int)bytes)));
            double usedSpeed = Speed(bytes, () => ReadPlain(path, used));
            double ourSpeed = Speed(bytes, read);
            if (i >= 0)
                (plainNew[i], plainUsed[i], ours[i]) = (newSpeed, usedSpeed, ourSpeed);
        }
        Console.WriteLine($"{bytes / 1e6:f0} MB, medians of {repeats} (least .. most)");
        Report(what, ours, ours);
        Report("FileStream into one new buffer", plainNew, ours);
        Report("FileStream into one buffer in use before", plainUsed, ours);
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

    private static void Report(string what, double[] speeds, double[] ours) =>
        Console.WriteLine($"{what,-42} {Median(speeds),7:f0} MB/s ({speeds.Min():f0} .. {speeds.Max():f0})   reader / this {Median(ours) / Median(speeds):f2}");

    private static double Median(double[] values) => values.Order().ElementAt(values.Length / 2);
}
