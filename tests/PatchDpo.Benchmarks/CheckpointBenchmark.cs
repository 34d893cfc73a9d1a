using System.CommandLine;
using System.IO.Compression;
using System.Runtime.InteropServices;
using PatchDpo.Tests;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Weights.Pickle;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Benchmarks;

/// <summary>Speed of <see cref="TorchCheckpoint"/> on a zip checkpoint; see <see cref="ReadSpeed"/>.</summary>
internal static class CheckpointBenchmark
{
    public static Command Command()
    {
        Option<int> megabytes = new("--megabytes") { Description = "Size of the file.", DefaultValueFactory = _ => 1024 };
        Option<int> tensors = new("--tensors") { Description = "Number of tensors in it.", DefaultValueFactory = _ => 200 };
        Option<int> repeats = new("--repeats") { Description = "Measurements of each; the medians are printed.", DefaultValueFactory = _ => 7 };
        var command = new Command("checkpoint", "Reads a PyTorch checkpoint (zip, stored entries) whole, with and without its checksums.") { megabytes,
            tensors, repeats };
        command.SetAction(result => Run(result.GetValue(megabytes), result.GetValue(tensors), result.GetValue(repeats)));
        return command;
    }

    private static void Run(int megabytes, int count, int repeats)
    {
        TorchRuntime.Initialize();
        string path = Path.Combine(Path.GetTempPath(), $"patchdpo-{Environment.ProcessId}.pth");
        try
        {
            WriteFile(path, (long)megabytes << 20, count);
            ReadSpeed.Compare(path, repeats, ($"TorchCheckpoint, {count} tensors", () => ReadAll(path, verify: true)),
                ("the same, unverified", () => ReadAll(path, verify: false)));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static void WriteFile(string path, long bytes, int count)
    {
        float[] values = new float[bytes / count / sizeof(float)];
        new Random(1).NextBytes(MemoryMarshal.AsBytes(values.AsSpan()));
        SamplePickle pickle = new SamplePickle().Op("}(");
        for (int i = 0; i < count; i++)
            pickle.Text($"layers.{i}.weight").Tensor($"{i}", [values.Length], [1], count: values.Length);
        using FileStream stream = new(path, FileMode.Create);
        using ZipArchive zip = new(stream, ZipArchiveMode.Create);
        void Add(string name, ReadOnlySpan<byte> data)
        {
            using Stream entry = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
            entry.Write(data);
        }
        Add("archive/data.pkl", pickle.Op("u").Stop());
        for (int i = 0; i < count; i++)
            Add($"archive/data/{i}", MemoryMarshal.AsBytes(values.AsSpan()));
    }

    private static void ReadAll(string path, bool verify)
    {
        using DisposeScope scope = NewDisposeScope();
        using TorchCheckpoint file = TorchCheckpoint.Open(path, new TorchCheckpointOptions { VerifyChecksums = verify });
        foreach (string key in file.Keys)
            file.Read(key);
    }
}
