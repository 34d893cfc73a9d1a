using System.CommandLine;
using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Benchmarks.FullSize;

/// <summary>Trains a whole SDXL pipeline of random weights for a few steps of one pair, with and without gradient checkpointing, beside the same calls.</summary>
internal static class FullStepBenchmark
{
    private const string Name = "fullstep";

    public static Command Command()
    {
        Option<string> scale = new("--scale") { Description = "full (10 GB of disk, 24 GB of memory) or tiny.", DefaultValueFactory = _ => "full" };
        scale.AcceptOnlyFromAmong("full", "tiny");
        Option<int> steps = new("--steps") { Description = "Steps of each training; the first is not measured.", DefaultValueFactory = _ => 3 };
        Option<string> folder = new("--folder") { Description = "Where the weights are written for the time being.", DefaultValueFactory = _ => Path.GetTempPath() };
        Option<string[]> only = new("--only") { Description = "Of trainer, checkpointing and direct, which are run.", AllowMultipleArgumentsPerToken = true };
        Option<string?> task = new("--task") { Hidden = true };
        var command = new Command(Name, "Writes SDXL and IP-Adapter-Plus with random weights (UNet, both text encoders, ViT-H, autoencoder), encodes a pair into "
            + "a store, frees the encoders, and trains on the pair: seconds a step and peak memory.") { scale, steps, folder, only, task };
        command.SetAction(result =>
        {
            TorchRuntime.Initialize();
            PipelineScale chosen = result.GetValue(scale) == "full" ? PipelineScale.Full : PipelineScale.Tiny;
            if (result.GetValue(task) is not string name)
                return Run(chosen, result.GetValue(folder)!, result.GetValue(only) is { Length: > 0 } some ? some : FullSteps.Tasks,
                    ["--scale", result.GetValue(scale)!, "--steps", $"{result.GetValue(steps)}"]);
            FullSteps.Measure(name, result.GetValue(folder)!, chosen, result.GetValue(steps));
            return 0;
        });
        return command;
    }

    private static int Run(PipelineScale scale, string parent, IReadOnlyList<string> tasks, string[] arguments)
    {
        string folder = Path.Combine(parent, $"patchdpo-fullstep-{Environment.ProcessId}");
        // Gigabytes are not left behind, however this ends.
        void Delete(PosixSignalContext signal) => Directory.Delete(folder, recursive: true);
        Directory.CreateDirectory(folder);
        using PosixSignalRegistration interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Delete), ended = PosixSignalRegistration.Create(
            PosixSignal.SIGTERM, Delete);
        try
        {
            Console.WriteLine($"SDXL and IP-Adapter-Plus: {new RandomPipeline(folder).Write(scale):N0} random weights, float16");
            return tasks.Select(task => RunChild(folder, task, arguments)).FirstOrDefault(exitCode => exitCode != 0);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // A process of its own, whose memory has seen nothing else.
    private static int RunChild(string folder, string task, string[] arguments)
    {
        string program = Environment.ProcessPath!;
        string[] host = Path.GetFileNameWithoutExtension(program) == "dotnet" ? ["exec", Assembly.GetExecutingAssembly().Location] : [];
        using Process child = Process.Start(program, [.. host, Name, "--folder", folder, "--task", task, .. arguments]);
        child.WaitForExit();
        return child.ExitCode;
    }
}
