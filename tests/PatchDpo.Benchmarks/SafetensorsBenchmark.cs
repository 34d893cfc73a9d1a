using System.CommandLine;
using PatchDpo.Torch.Runtime;
using PatchDpo.Torch.Weights;
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
            ReadSpeed.Compare(path, $"SafetensorsFile.ReadAll, {count} tensors", () => ReadAll(path), repeats);
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

    private static void ReadAll(string path)
    {
        using DisposeScope scope = NewDisposeScope();
        using SafetensorsFile file = SafetensorsFile.Open(path);
        file.ReadAll();
    }
}
