using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using PatchDpo.Torch.Vision.Dino;

namespace PatchDpo.Benchmarks.Speed;

/// <summary>Scores few and many rows in processes of their own: time in proportion, memory flat.</summary>
internal static class GrowthBenchmark
{
    private const string Name = "growth";
    private const int Photos = 400;

    // As much as few rows fill, so that the cache is no part of what grows.
    private const long CacheBytes = 4 << 20;

    public static Command Command()
    {
        Option<int[]> rows = new("--rows")
        {
            Description = "Numbers of rows.", DefaultValueFactory = _ => [1_000, 10_000, 100_000], AllowMultipleArgumentsPerToken = true,
        };
        Option<int?> child = new("--child") { Hidden = true };
        Option<string?> folder = new("--folder") { Hidden = true };
        var command = new Command(Name, $"Scores rows over {Photos} files with a small encoder, each number of rows in a process of its own.") { rows, child, folder };
        command.SetAction(r =>
        {
            if (r.GetValue(child) is int count)
                Score(count, r.GetValue(folder)!);
            else
                Run(r.GetValue(rows)!);
        });
        return command;
    }

    private static void Run(int[] rows)
    {
        using var photos = new PhotoFolder(Photos, 96);
        (double Seconds, double Megabytes)? first = null;
        foreach (int count in rows)
        {
            (double seconds, double megabytes) = RunChild(count, Path.GetDirectoryName(photos.Files[0])!);
            (double perRow, double memory) = first is var (s, m) ? (seconds / count / (s / rows[0]), megabytes / m) : (1, 1);
            first ??= (seconds, megabytes);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{count,9:N0} rows: {seconds,9:F2} s, {1e3 * seconds / count:F3} ms a row (x {perRow:F3}), peak memory {megabytes:F0} MB (x {memory:F3})"));
        }
    }

    private static (double Seconds, double Megabytes) RunChild(int rows, string folder)
    {
        string program = Environment.ProcessPath!;
        string[] host = Path.GetFileNameWithoutExtension(program) == "dotnet" ? ["exec", Assembly.GetExecutingAssembly().Location] : [];
        using Process child = Process.Start(new ProcessStartInfo(program, [.. host, Name, "--child", $"{rows}", "--folder", folder])
        {
            RedirectStandardOutput = true,
        })!;
        string[] parts = child.StandardOutput.ReadToEnd().Split(' ', StringSplitOptions.TrimEntries);
        child.WaitForExit();
        return child.ExitCode == 0 ? (double.Parse(parts[0], CultureInfo.InvariantCulture), double.Parse(parts[1], CultureInfo.InvariantCulture))
            : throw new InvalidOperationException($"Scoring {rows} rows failed.");
    }

    private static void Score(int rows, string folder)
    {
        string[] files = [.. Directory.GetFiles(folder).Order(StringComparer.Ordinal)];
        using DinoVisionTransformer encoder = SampleEncoder.Tiny(64, SampleEncoder.DeviceOf("cpu"));
        // What starts once is started, and what is compiled again when it has run for a while (tiered compilation) is compiled.
        ScoringView.Score(Pairs(files, 4_000), encoder, 16, CacheBytes);
        long start = Stopwatch.GetTimestamp();
        ScoringView.Score(Pairs(files, rows), encoder, 16, CacheBytes);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        using Process self = Process.GetCurrentProcess();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{seconds:F3} {self.PeakWorkingSet64 / 1e6:F1}"));
    }

    // Each row another pair, without an order that a small cache could live on; made while it is read.
    private static IEnumerable<(string, string)> Pairs(string[] files, int rows)
        => Enumerable.Range(0, rows).Select(i => (files[(int)(i * 7919L % files.Length)], files[(int)((i * 104_729L + (i / files.Length)) % files.Length)]));
}
