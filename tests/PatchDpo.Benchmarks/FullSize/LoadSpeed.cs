using System.Diagnostics;
using System.Runtime.InteropServices;
using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Diffusion.UNet;
using static TorchSharp.torch;

namespace PatchDpo.Benchmarks.FullSize;

/// <summary>The time to load a model beside that to read its files, all from the page cache.</summary>
internal static unsafe partial class LoadSpeed
{
    private const int Piece = 1 << 30;

    /// <summary>
    /// Measures in turns after one unmeasured round, first in memory that is new to the process, then in memory that was in use before, and prints.
    /// </summary>
    /// <remarks>Finding and clearing new memory is the system's work, and may take longer than reading; the second is the loader's own.</remarks>
    public static void Measure(RandomModel model, ScalarType dtype, int rounds)
    {
        Console.WriteLine($"loaded as {dtype}, page cache warm, {rounds} rounds in turns:     best   median   GB/s (best)   load / read, best and median");
        Measure(model, dtype, rounds, "new memory");
        KeepMemory();
        Measure(model, dtype, rounds, "memory in use before");
    }

    private static void Measure(RandomModel model, ScalarType dtype, int rounds, string memory)
    {
        double[] load = new double[rounds], read = new double[rounds];
        for (int round = -1; round < rounds; round++)
        {
            double reading = ReadPlainly(model.Files), loading = Load(model, dtype);
            if (round >= 0)
                (read[round], load[round]) = (reading, loading);
        }
        Report($"FileStream into one buffer, {memory}", read);
        Report($"load, {memory}", load);

        void Report(string what, double[] times) => Console.WriteLine(
            $"  {what,-50} {times.Min(),8:f2} s {Median(times),6:f2} s {model.Files.Sum(f => new FileInfo(f).Length) / times.Min() / 1e9,12:f1} {times.Min() / read.Min(),12:f2} {Median(times) / Median(read),6:f2}");
    }

    private static double Load(RandomModel model, ScalarType dtype)
    {
        long start = Stopwatch.GetTimestamp();
        (UNet2DConditionModel unet, IpAdapterModel adapter) = model.Load(dtype);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        unet.Dispose();
        adapter.Dispose();
        return seconds;
    }

    /// <summary>Has the C library keep what is freed, which elsewhere goes back to the system at once or in part.</summary>
    private static void KeepMemory()
    {
        const int TrimThreshold = -1, MaxMappings = -4;
        if (!OperatingSystem.IsLinux() || SetAllocation(MaxMappings, 0) == 0 || SetAllocation(TrimThreshold, -1) == 0)
            Console.WriteLine("  (this system's C library cannot be told to keep memory: what follows is new memory again)");
    }

    private static double ReadPlainly(IEnumerable<string> files)
    {
        double seconds = 0;
        foreach (string file in files)
        {
            nuint length = (nuint)new FileInfo(file).Length;
            byte* buffer = (byte*)NativeMemory.Alloc(length);
            seconds += ReadPlainly(file, buffer, length);
            NativeMemory.Free(buffer);
        }
        return seconds;
    }

    private static double ReadPlainly(string path, byte* buffer, nuint length)
    {
        long start = Stopwatch.GetTimestamp();
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        // A span ends at 2 GB.
        for (nuint begin = 0; begin < length; begin += Piece)
            stream.ReadExactly(new Span<byte>(buffer + begin, (int)nuint.Min(Piece, length - begin)));
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static double Median(double[] values) => values.Order().ElementAt(values.Length / 2);

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int SetAllocation(int parameter, int value);
}
