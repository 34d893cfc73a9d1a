using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using PatchDpo.Mpi;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training;
using PatchDpo.Tests;
using static TorchSharp.torch;

namespace PatchDpo.Benchmarks;

/// <summary>What ranks of one thread each gain and cost under mpirun: scoring, an all-reduce, and a training step of the embedded model.</summary>
internal static class RanksBenchmark
{
    private const string Name = "ranks";
    private const int ImageSide = 256, Batch = 16;

    public static Command Command()
    {
        Option<int> ranks = new("--ranks") { Description = "How many ranks are compared with one.", DefaultValueFactory = _ => 2 };
        Option<int> pairs = new("--pairs") { Description = "Pairs that are scored.", DefaultValueFactory = _ => 640 };
        Option<int> rounds = new("--rounds") { Description = "Measurements of each; medians are printed.", DefaultValueFactory = _ => 3 };
        Option<string[]> child = new("--child") { Hidden = true, AllowMultipleArgumentsPerToken = true };
        var command = new Command(Name, "Speed-up of scoring on ranks over one rank, one thread each; the time of an all-reduce; and what it takes of a training "
            + "step of the embedded model. Needs mpirun, and as many idle cores as ranks.") { ranks, pairs, rounds, child };
        command.SetAction(result =>
        {
            if (result.GetValue(child) is { Length: > 0 } arguments)
                RunRank(arguments);
            else
                Run(result.GetValue(ranks), result.GetValue(pairs), result.GetValue(rounds));
        });
        return command;
    }

    private static void Run(int ranks, int pairs, int rounds)
    {
        if (MpiRun.WhyMissing is string missing)
        {
            Console.WriteLine(missing);
            return;
        }
        DirectoryInfo folder = Directory.CreateTempSubdirectory("patchdpo-ranks-");
        try
        {
            for (int i = 0; i < 2 * Batch; i++)
                ImageFile.SavePng(FileOf(folder.FullName, i), Image(i));
            // In turns, so that the ratio holds on a busy machine too.
            var one = new List<double>();
            var many = new List<double>();
            for (int round = 0; round < rounds; round++)
            {
                one.Add(Measure(1, "score", folder.FullName, $"{pairs}")[0]);
                many.Add(Measure(ranks, "score", folder.FullName, $"{pairs}")[0]);
            }
            (double single, double together) = (Median(one), Median(many));
            Console.WriteLine($"scoring {pairs} pairs: 1 rank {single:F2} s ({pairs / single:F1} pairs/s), {ranks} ranks {together:F2} s ({pairs / together:F1} pairs/s): "
                + $"speed-up {single / together:F2}");
            double[] reduce = Measure(ranks, "reduce", $"{rounds}");
            Console.WriteLine($"all-reduce of 340 MB over {ranks} ranks: {reduce[0]:F3} s");
            double[] step = Measure(ranks, "train", $"{10 * rounds}");
            Console.WriteLine($"training step of the embedded model, {ranks} ranks of 4 pairs: {1000 * step[0]:F1} ms, of it all-reduce {1000 * step[1]:F2} ms "
                + $"({step[1] / step[0]:P1}) and waiting for the other ranks {1000 * step[2]:F1} ms; {step[3]:N0} trained values");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static void RunRank(string[] arguments)
    {
        TorchRuntime.Initialize();
        set_num_threads(1);
        using MpiProcessGroup group = MpiProcessGroup.Join(TimeSpan.FromMinutes(5));
        double[] numbers = arguments switch
        {
            ["score", string folder, string pairs] => Score(group, folder, int.Parse(pairs, CultureInfo.InvariantCulture)),
            ["reduce", string rounds] => Reduce(group, int.Parse(rounds, CultureInfo.InvariantCulture)),
            ["train", string steps] => Train(group, int.Parse(steps, CultureInfo.InvariantCulture)),
            _ => throw new ArgumentException($"No such work: {string.Join(' ', arguments)}.", nameof(arguments)),
        };
        if (group.Rank == 0)
            Console.WriteLine(string.Join(' ', numbers.Select(n => n.ToString("R", CultureInfo.InvariantCulture))));
        group.Complete();
    }

    // Loading, decoding and all: what score does with a pair. The ranks' parts are those of score's shards.
    private static double[] Score(MpiProcessGroup group, string folder, int pairs)
    {
        using IVisionEncoder encoder = PatchEncoder.LoadEmbedded();
        var estimator = new PatchQualityEstimator(encoder, Batch);
        ScorePart();
        group.Barrier();
        long start = Stopwatch.GetTimestamp();
        for (int part = group.Rank; part < (pairs + Batch - 1) / Batch; part += group.Size)
            ScorePart();
        group.Barrier();
        return [Stopwatch.GetElapsedTime(start).TotalSeconds];

        void ScorePart() => estimator.Score([.. Enumerable.Range(0, Batch).Select(Load)], [.. Enumerable.Range(Batch, Batch).Select(Load)]);

        ImageBuffer Load(int image) => ImageFile.Load(FileOf(folder, image));
    }

    private static double[] Reduce(MpiProcessGroup group, int rounds)
    {
        using Tensor values = ones(340_000_000 / sizeof(float));
        group.AllReduce(values);
        List<double> times = [];
        for (int round = 0; round < rounds; round++)
        {
            group.Barrier();
            long start = Stopwatch.GetTimestamp();
            group.AllReduce(values);
            group.Barrier();
            times.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return [Median(times)];
    }

    private static double[] Train(MpiProcessGroup group, int steps)
    {
        using PersonalizedModel model = PersonalizedModel.Load(EmbeddedModels.Generator);
        TrainingPair[] pairs = [.. Enumerable.Range(0, 8).Select(i => new TrainingPair($"a thing {i}", Image(i), Image(i + 8), Map(0.3f), Map(0.7f)))];
        var timed = new TimedGroup(group);
        long start = 0;
        using AdapterLayers tuned = new PatchDpoTrainer(model, new PatchDpoTrainerOptions
        {
            MaxSteps = steps + 1,
            BatchSize = 4,
            Processes = timed,
            // The first step warms up.
            Progress = new DirectProgress<TrainingProgress>(p =>
            {
                if (p.Step == 1)
                {
                    timed.Reset();
                    start = Stopwatch.GetTimestamp();
                }
            }),
        }).Train(pairs);
        double all = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return [all / steps, timed.Exchanging.TotalSeconds / steps, timed.Waiting.TotalSeconds / steps, tuned.parameters().Sum(p => p.numel())];
    }

    private static double[] Measure(int ranks, params string[] work)
    {
        string program = Environment.ProcessPath!;
        string[] host = Path.GetFileNameWithoutExtension(program) == "dotnet" ? ["exec", Assembly.GetExecutingAssembly().Location] : [];
        ProcessStartInfo prepared = MpiRun.Prepare(ranks, new ProcessStartInfo(program, [.. host, Name, "--child", .. work]));
        // One thread is one: without it a single rank would read images on the cores that it does not compute on.
        prepared.Environment["DOTNET_PROCESSOR_COUNT"] = "1";
        using Process process = Process.Start(prepared)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? [.. output.Trim().Split('\n')[^1].Split(' ').Select(n => double.Parse(n, CultureInfo.InvariantCulture))]
            : throw new InvalidOperationException($"mpirun ended with {process.ExitCode}: {errors.Result}");
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static string FileOf(string folder, int image) => Path.Combine(folder, $"{image}.png");

    private static QualityMap Map(float value) => new(2, 2, [value, value, value, value]);

    private static ImageBuffer Image(int seed)
    {
        byte[] pixels = new byte[ImageSide * ImageSide * 3];
        new Random(seed).NextBytes(pixels);
        return new ImageBuffer(ImageSide, ImageSide, 3, pixels);
    }
}
