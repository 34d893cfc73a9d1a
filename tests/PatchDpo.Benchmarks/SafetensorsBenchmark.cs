using System.CommandLine;
using System.Diagnostics;
using PatchDpo.Torch.Runtime;
using PatchDpo.Torch.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Benchmarks;

/// <summary>Speed of <see cref="SafetensorsFile.ReadAll"/> against plain reads of the same file into one buffer, all from the page cache.</summary>
internal static class SafetensorsBenchmark
{
    public static Command Command()
    {
        Option<int> megabytes = new("--megabytes") { Description = "Size of the file.", DefaultValueFactory = _ => 1024 };
        Option<int> tensors = new("--tensors") { Description = "Number of tensors in it.", DefaultValueFactory = _ => 200 };
        Option<int> repeats = new("--repeats") { Description = "Measurements of each; the medians are printed.", DefaultValueFactory = _ => 7 };
        var command = new Command("safetensors", "Reads a safetensors file whole.") { megabytes, tensors, repeats };
        command.SetAction(result => Run(result.GetValue(megabytes), result.GetValue(tensors), result.GetValue(repeats)));
        return command;
    }

    private static void Run(int megabytes, int count, int repeats)
    {
        TorchRuntime.Initialize();
        string path = Path.Combine(Path.GetTempPath(), $"patchdpo-{Environment.ProcessId}.safetensors");
        try
        {
            WriteFile(path, (long)megabytes << 20, count);
            long bytes = new FileInfo(path).Length;
            byte[] used = new byte[bytes];
            double[] plainNew = new double[repeats], plainUsed = new double[repeats], ours = new double[repeats];
            // Taken in turns, so that a change of the machine's load meets all; the first round only warms up.
            for (int i = -1; i < repeats; i++)
            {
                double newSpeed = Speed(bytes, () => ReadPlain(path, GC.AllocateUninitializedArray<byte>((int)bytes)));
                double usedSpeed = Speed(bytes, () => ReadPlain(path, used));
                double ourSpeed = Speed(bytes, () => ReadAll(path));
                if (i >= 0)
                    (plainNew[i], plainUsed[i], ours[i]) = (newSpeed, usedSpeed, ourSpeed);
            }
            Console.WriteLine($"{bytes / 1e6:f0} MB in {count} tensors, medians of {repeats} (least .. most)");
            Report("SafetensorsFile.ReadAll (new memory)", ours, ours);
            Report("FileStream into one new buffer", plainNew, ours);
            Report("FileStream into one buffer in use before", plainUsed, ours);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static void WriteFile(string path, long bytes, int count)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor values = rand(bytes / count / sizeof(float));
        SafetensorsWriter.Write(path, Enumerable.Range(0, count).ToDictionary(i => $"layers.{i}.weight", _ => values));
    }

    private static void ReadPlain(string path, byte[] buffer)
    {
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        stream.ReadExactly(buffer);
    }

    private static void ReadAll(string path)
    {
        using DisposeScope scope = NewDisposeScope();
        using SafetensorsFile file = SafetensorsFile.Open(path);
        file.ReadAll();
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
        Console.WriteLine($"{what,-42} {Median(speeds),7:f0} MB/s ({speeds.Min():f0} .. {speeds.Max():f0})   ReadAll / this {Median(ours) / Median(speeds):f2}");

    private static double Median(double[] values) => values.Order().ElementAt(values.Length / 2);
}
