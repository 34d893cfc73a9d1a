using System.CommandLine;
using System.Diagnostics;
using PatchDpo.Torch.DataConstruction;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Training.Data;
using static TorchSharp.torch;

namespace PatchDpo.Benchmarks;

/// <summary>Preparing a folder of pairs with files decoded ahead of the encoders and without, and what reading a step's rows from a store takes.</summary>
internal static class PreparationBenchmark
{
    private const int Side = 1024;

    public static Command Command()
    {
        Option<int> pairs = new("--pairs") { Description = "Pairs of the folder.", DefaultValueFactory = _ => 24 };
        Option<int> rounds = new("--rounds") { Description = "Measured rounds.", DefaultValueFactory = _ => 5 };
        Option<int> threads = new("--threads") { Description = "Threads that libtorch computes with.", DefaultValueFactory = _ => 1 };
        var command = new Command("prepare", "Preparing pairs with the embedded model: files decoded ahead, and one by one.") { pairs, rounds, threads };
        command.SetAction(result => Run(result.GetValue(pairs), result.GetValue(rounds), result.GetValue(threads)));
        return command;
    }

    private static void Run(int count, int rounds, int threads)
    {
        set_num_threads(threads);
        DirectoryInfo folder = Directory.CreateTempSubdirectory("patchdpo-prepare-");
        try
        {
            WritePairs(folder.FullName, count);
            PairFolder pairs = PairFolder.Open(folder.FullName);
            using PersonalizedModel model = PersonalizedModel.LoadEmbedded();
            var trainer = new PatchDpoTrainer(model, new PatchDpoTrainerOptions { BatchSize = 4, MaxSteps = 20 });
            double[] times = Timing.Medians(rounds, () => Prepare(0), () => Prepare(4), () => pairs.Read(null, 0).Count());
            Console.WriteLine($"{count} pairs of {Side} x {Side} pixels, {threads} threads, medians of {rounds} rounds");
            Console.WriteLine($"one by one     {times[0] / count,7:F1} ms a pair, of which decoding {times[2] / count:F1} ms");
            Console.WriteLine($"decoded ahead  {times[1] / count,7:F1} ms a pair, {times[1] / times[0]:F2} times that");

            var stored = new PatchDpoTrainer(model, new PatchDpoTrainerOptions
            {
                BatchSize = 4,
                MaxSteps = 50,
                Store = new ConditionStoreOptions { Folder = Path.Combine(folder.FullName, "store") },
            });
            using PreparedPairs prepared = stored.Prepare(pairs.Read());
            long start = Stopwatch.GetTimestamp();
            stored.Train(prepared).Dispose();
            double step = Stopwatch.GetElapsedTime(start).TotalMilliseconds / 50;
            start = Stopwatch.GetTimestamp();
            for (int i = 0; i < 50; i++)
                ReadBatch(prepared, i);
            double read = Stopwatch.GetElapsedTime(start).TotalMilliseconds / 50;
            Console.WriteLine($"a step of 4 pairs {step:F1} ms, of which reading its rows from the store {read:F2} ms ({read / step:P1})");

            void Prepare(int ahead) => trainer.Prepare(pairs.Read(null, ahead)).Dispose();
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static void ReadBatch(PreparedPairs prepared, int first)
    {
        using TorchSharp.DisposeScope scope = NewDisposeScope();
        long[] rows = [.. Enumerable.Range(first, 4).Select(r => (long)r % prepared.Count)];
        prepared.Batch(rows, new bool[4], new bool[4], zeros([4, .. prepared.LatentShape]), zeros(4, ScalarType.Int64), officialTimeIds: false,
            (pairs, height, width) => ones(pairs.Count, 2, height, width));
    }

    private static void WritePairs(string folder, int count)
    {
        var random = new Random(1);
        List<IReadOnlyList<QualityMapPair>> maps = [];
        for (int i = 0; i < count; i++)
        {
            string sample = Directory.CreateDirectory(Path.Combine(folder, $"sample{i}")).FullName;
            foreach (string kind in new[] { "entity", "gen" })
                ImageFile.Save(Path.Combine(sample, $"a thing_{kind}_0.png"), Photo(random), ImageFormat.Png);
            var map = new QualityMap(2, 2, [0.1f, 0.9f, 0.5f, 0.7f]);
            maps.Add([new QualityMapPair(map, map)]);
        }
        QualityMapPickle.Write(Path.Combine(folder, "patch_quality.pkl"), maps);
    }

    // Smooth with some noise, as photos compress.
    private static ImageBuffer Photo(Random random)
    {
        byte[] pixels = new byte[Side * Side * 3];
        double phase = random.NextDouble() * 9;
        for (int i = 0; i < pixels.Length; i++)
        {
            int x = i / 3 % Side, y = i / 3 / Side, c = i % 3;
            pixels[i] = (byte)(128 + (100 * Math.Sin(phase + c + (x * 0.02) + (y * 0.013))) + random.Next(8));
        }
        return new ImageBuffer(Side, Side, 3, pixels);
    }
}
