using System.CommandLine;
using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using PatchDpo.MLNet;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Vision.Dino;

namespace PatchDpo.Benchmarks.Speed;

/// <summary>Prediction engines on several threads, each with an encoder of its own, against one pipeline that scores the same pairs in batches.</summary>
internal static class EnginesBenchmark
{
    public static Command Command()
    {
        Option<int> rounds = Contest.Rounds(5), engines = new("--engines") { Description = "Engines, each on a thread.", DefaultValueFactory = _ => 8 };
        Option<int> pairs = new("--pairs") { Description = "Pairs in all.", DefaultValueFactory = _ => 128 };
        Option<int?> threads = new("--threads") { Description = "Threads of one operation; default: as for a server with so many calls at once." };
        Option<bool> large = new("--large") { Description = "ViT-S/16's shape in the place of a small encoder." };
        var command = new Command("engines", "Calls of prediction engines on several threads against batches.") { rounds, engines, pairs, threads, large };
        command.SetAction(r => Run(
            r.GetValue(engines), r.GetValue(pairs), r.GetValue(threads) ?? TorchRuntime.ThreadsForCalls(r.GetValue(engines)), r.GetValue(rounds), r.GetValue(large)));
        return command;
    }

    private static void Run(int count, int pairs, int threads, int rounds, bool large)
    {
        int before = TorchRuntime.Threads;
        ScoredRow[] rows = [.. Enumerable.Range(0, pairs).Select(i => new ScoredRow { Generated = Draw(2 * i), Reference = Draw((2 * i) + 1) })];
        List<DinoVisionTransformer> encoders = [.. Enumerable.Range(0, count + 1).Select(_ => large ? SampleEncoder.VitSmall(224, SampleEncoder.DeviceOf("cpu"))
            : SampleEncoder.Tiny(64, SampleEncoder.DeviceOf("cpu")))];
        PredictionEngine<ScoredRow, Score>[] engines = [.. encoders.Take(count).Select(Engine)];
        Contest.Run(rounds, pairs, "pairs",
            ("one pipeline, in batches", () =>
            {
                TorchRuntime.Threads = before;
                var ml = new MLContext(seed: 1);
                IDataView data = ml.Data.LoadFromEnumerable(rows);
                Scoring(ml, encoders[count]).Fit(data).Transform(data).GetColumn<float>("PatchQualityScore").Count();
            }),
            ($"{count} engines on {count} threads, {threads} thread(s) an operation", () =>
            {
                TorchRuntime.Threads = threads;
                Thread[] callers = [.. Enumerable.Range(0, count).Select(i => new Thread(() =>
                {
                    for (int row = i; row < pairs; row += count)
                        engines[i].Predict(rows[row]);
                }))];
                foreach (Thread caller in callers)
                    caller.Start();
                foreach (Thread caller in callers)
                    caller.Join();
            }));
        using Process self = Process.GetCurrentProcess();
        Console.WriteLine($"threads of the process: {self.Threads.Count}");
        foreach (PredictionEngine<ScoredRow, Score> engine in engines)
            engine.Dispose();
        foreach (DinoVisionTransformer encoder in encoders)
            encoder.Dispose();
    }

    // Nothing is kept: each call encodes, as a service's requests show new pictures.
    private static PatchQualityScoringEstimator Scoring(MLContext ml, DinoVisionTransformer encoder)
        => ml.PatchDpo.ScorePatchQuality(ImageEncoder.FromInstance(encoder), new PatchQualityScoringEstimator.Options { FeatureCache = new() { MaxBytes = 0 } });

    private static PredictionEngine<ScoredRow, Score> Engine(DinoVisionTransformer encoder)
    {
        var ml = new MLContext(seed: 1);
        IDataView schema = ml.Data.LoadFromEnumerable<ScoredRow>([]);
        return ml.Model.CreatePredictionEngine<ScoredRow, Score>(Scoring(ml, encoder).Fit(schema));
    }

    private static MLImage Draw(int seed)
    {
        byte[] pixels = new byte[64 * 64 * 4];
        new Random(seed).NextBytes(pixels);
        for (int i = 3; i < pixels.Length; i += 4)
            pixels[i] = byte.MaxValue;
        return MLImage.CreateFromPixels(64, 64, MLPixelFormat.Rgba32, pixels);
    }

    private sealed class ScoredRow
    {
        [ImageType(64, 64)]
        public MLImage? Generated { get; set; }

        [ImageType(64, 64)]
        public MLImage? Reference { get; set; }
    }

    private sealed class Score
    {
        public float PatchQualityScore { get; set; }
    }
}
