using System.CommandLine;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Benchmarks;

/// <summary>Speed of <see cref="SafetensorsFile.ReadAll"/>; see <see cref="ReadSpeed"/>.</summary>
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
            SafetensorsOptions copied = new(), mapped = new() { MemoryMap = true };
            // What is mapped is read when it is used: only a use of every value compares.
            ReadSpeed.Compare(
                path, repeats,
                ($"SafetensorsFile.ReadAll, {count} tensors", () => Use(path, copied, _ => { })),
                ("the same and every value's sum", () => Use(path, copied, t => t.sum())),
                ("mapped", () => Use(path, mapped, _ => { })),
                ("mapped and every value's sum", () => Use(path, mapped, t => t.sum())));
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

    private static void Use(string path, SafetensorsOptions options, Action<Tensor> use)
    {
        using DisposeScope scope = NewDisposeScope();
        using SafetensorsFile file = SafetensorsFile.Open(path, options);
        foreach (Tensor tensor in file.ReadAll().Values)
            use(tensor);
    }
}
