using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using Microsoft.ML;
using PatchDpo.MLNet;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.Benchmarks.Streaming;

/// <summary>Trains on few and on many rows of a data view over one small store, and prints each process's peak of memory.</summary>
internal static class StreamingBenchmark
{
    private const string Name = "streaming";

    public static Command Command()
    {
        Option<int> few = new("--few") { Description = "Rows of the first training.", DefaultValueFactory = _ => 10_000 };
        Option<int> many = new("--many") { Description = "Rows of the second training.", DefaultValueFactory = _ => 1_000_000 };
        Option<int> steps = new("--steps") { Description = "Steps of each.", DefaultValueFactory = _ => 100 };
        Option<string?> store = new("--store") { Hidden = true };
        Option<int> rows = new("--rows") { Hidden = true };
        var command = new Command(Name, "Trains the embedded model on few and on many synthetic rows, with a store on the disk: memory must not grow with them.")
            { few, many, steps, store, rows };
        command.SetAction(result => result.GetValue(store) is string folder
            ? Train(folder, result.GetValue(rows), result.GetValue(steps))
            : Run(result.GetValue(few), result.GetValue(many), result.GetValue(steps)));
        return command;
    }

    private static int Run(int few, int many, int steps)
    {
        string folder = Directory.CreateTempSubdirectory("patchdpo-streaming-").FullName;
        try
        {
            // The first fills the store, so that the others do the same but for their number of rows.
            double[] peaks = [.. new[] { few, few, many }.Select(rows => RunChild(folder, rows, steps))];
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{many:N0} rows / {few:N0} rows: {peaks[2] / peaks[1]:F3}"));
            return peaks[2] <= 1.05 * peaks[1] ? 0 : 1;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static double RunChild(string folder, int rows, int steps)
    {
        string program = Environment.ProcessPath!;
        string[] host = Path.GetFileNameWithoutExtension(program) == "dotnet" ? ["exec", Assembly.GetExecutingAssembly().Location] : [];
        using Process child = Process.Start(new ProcessStartInfo(program, [.. host, Name, "--store", folder, "--rows", $"{rows}", "--steps", $"{steps}"])
        {
            RedirectStandardOutput = true,
        })!;
        string output = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        if (child.ExitCode != 0)
            throw new InvalidOperationException($"The training on {rows} rows failed.");
        string[] parts = output.Split(' ', StringSplitOptions.TrimEntries);
        Console.WriteLine($"{rows,9} rows: peak resident memory {parts[0]} MB, {parts[1]} s, of which {parts[2]} s for the steps");
        return double.Parse(parts[0], CultureInfo.InvariantCulture);
    }

    // A process of its own, whose peak has seen nothing else.
    private static int Train(string folder, int rows, int steps)
    {
        var clock = Stopwatch.StartNew();
        var ml = new MLContext(seed: 1);
        using PersonalizedModel model = PersonalizedModel.LoadEmbedded();
        TimeSpan inSteps = default;
        PatchDpoTrainer trainer = ml.PatchDpo.Trainers.PatchDpo(model, new PatchDpoTrainer.Options
        {
            Training = new() { MaxSteps = steps, BatchSize = 4, Store = new() { Folder = folder } },
            ProgressCallback = p => inSteps = p.Elapsed,
        });
        trainer.Fit(ml.Data.LoadFromEnumerable(StreamedPair.Rows(rows))).Dispose();
        using Process self = Process.GetCurrentProcess();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{self.PeakWorkingSet64 / 1e6:F1} {clock.Elapsed.TotalSeconds:F1} {inSteps.TotalSeconds:F1}"));
        return 0;
    }
}
