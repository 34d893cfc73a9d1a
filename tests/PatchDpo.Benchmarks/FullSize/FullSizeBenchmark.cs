using System.CommandLine;
using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Benchmarks.FullSize;

/// <summary>Loads the full SDXL UNet with IP-Adapter-Plus from random weights and runs it once: time and memory.</summary>
internal static class FullSizeBenchmark
{
    private const string SpeedTask = "speed", MemoryTask = "memory", MappedTask = "mapped";

    public static Command Command()
    {
        Option<string> scale = new("--scale") { Description = "full (6 GB of disk, 13 GB of memory) or tiny.", DefaultValueFactory = _ => "full" };
        scale.AcceptOnlyFromAmong("full", "tiny");
        Option<int> rounds = new("--rounds") { Description = "Measured rounds of loading.", DefaultValueFactory = _ => 3 };
        Option<string> folder = new("--folder") { Description = "Where the weights are written for the time being.", DefaultValueFactory = _
            => Path.GetTempPath() };
        Option<string?> task = new("--task") { Hidden = true }, dtype = new("--dtype") { Hidden = true };
        var command = new Command(
            "fullsize", "Writes SDXL's UNet and IP-Adapter-Plus with random weights, loads them against plain reads, and predicts noise once.") { scale, rounds, folder, task, dtype };
        command.SetAction(result =>
        {
            TorchRuntime.Initialize();
            ModelScale chosen = result.GetValue(scale) == "full" ? ModelScale.Full : ModelScale.Tiny;
            var model = new RandomModel(result.GetValue(folder)!);
            switch (result.GetValue(task))
            {
                case SpeedTask:
                    LoadSpeed.Measure(model, Enum.Parse<ScalarType>(result.GetValue(dtype)!), result.GetValue(rounds));
                    return 0;
                case MemoryTask:
                    ForwardMemory.Measure(model, chosen, Enum.Parse<ScalarType>(result.GetValue(dtype)!));
                    return 0;
                case MappedTask:
                    ForwardMemory.MeasureMapped(model, chosen);
                    return 0;
                default:
                    return Run(chosen, result.GetValue(folder)!, ["--scale", result.GetValue(scale)!, "--rounds", $"{result.GetValue(rounds)}"]);
            }
        });
        return command;
    }

    private static int Run(ModelScale scale, string parent, string[] arguments)
    {
        string folder = Path.Combine(parent, $"patchdpo-fullsize-{Environment.ProcessId}");
        // Gigabytes are not left behind, however this ends.
        void Delete(PosixSignalContext signal) => Directory.Delete(folder, recursive: true);
        Directory.CreateDirectory(folder);
        using PosixSignalRegistration interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Delete), ended = PosixSignalRegistration.Create(
            PosixSignal.SIGTERM, Delete);
        try
        {
            var model = new RandomModel(folder);
            long weights = model.Write(scale);
            Console.WriteLine($"UNet and IP-Adapter-Plus: {weights:N0} random weights, float16, {model.Files.Sum(f => new FileInfo(f).Length) / 1e9:f2} GB in {model.Files.Count} files");
            foreach (ScalarType dtype in new[] { ScalarType.Float16, ScalarType.BFloat16 })
                if (RunChild(folder, SpeedTask, dtype, arguments) is not 0 and int failed)
                    return failed;
            return RunChild(folder, MemoryTask, ScalarType.BFloat16, arguments) is not 0 and int broken ? broken
                : RunChild(folder, MappedTask, ScalarType.Float16, arguments);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // A process of its own, whose memory has seen nothing else.
    private static int RunChild(string folder, string task, ScalarType dtype, string[] arguments)
    {
        string program = Environment.ProcessPath!;
        string[] host = Path.GetFileNameWithoutExtension(program) == "dotnet" ? ["exec", Assembly.GetExecutingAssembly().Location] : [];
        using Process child = Process.Start(program, [.. host, "fullsize", "--folder", folder, "--task", task, "--dtype", $"{dtype}", .. arguments]);
        child.WaitForExit();
        return child.ExitCode;
    }
}
