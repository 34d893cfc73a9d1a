using System.Globalization;
using PatchDpo.Tool.Shards;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Tool.Evaluate;

/// <summary>Scores pictures of several objects as MIP-Adapter's evaluation of Concept101 does.</summary>
internal static class Concept101Evaluation
{
    /// <summary>Evaluates a folder of generations, prints the scores and writes them to the output folder.</summary>
    /// <param name="generations">The folder with <c>comb_0/prompt_gen.png</c> and on.</param>
    /// <param name="dataSet">The user's copy of the data set.</param>
    /// <param name="open">Opens the models, once all files are known to be there.</param>
    /// <param name="batchSize">Images encoded at once.</param>
    /// <param name="captions">Which texts CLIP-T is measured with.</param>
    /// <param name="allowMissing">Evaluates what is there.</param>
    /// <param name="notes">What the report must say.</param>
    /// <param name="output">Where the scores go.</param>
    /// <param name="plan">What this process does of it.</param>
    /// <param name="cancellationToken">Looked at before every batch.</param>
    public static void Run(
        string generations, string dataSet, Func<EvaluationModels> open, int batchSize, Concept101CaptionRule captions, bool allowMissing, string[] notes,
        string output, ShardPlan plan, CancellationToken cancellationToken)
    {
        Concept101Files files = Concept101Files.Find(generations, Concept101.Read(dataSet));
        Check(files, allowMissing);
        OutputFolder.Check(output);
        using EvaluationModels models = open();
        Console.WriteLine($"{files.Found.Count} images of {files.Found.DistinctBy(f => f.Combination.Index).Count()} combinations");
        if (Measure(files.Found, dataSet, models, batchSize, captions, plan, output, cancellationToken) is not { } metrics)
            return;
        Print(metrics);
        Directory.CreateDirectory(output);
        var report = new Concept101Report(metrics) { Notes = notes, MissingFiles = files.Missing, StrayFiles = files.Stray };
        report.WriteJson(Path.Combine(output, "scores.json"));
        report.WriteTsv(Path.Combine(output, "scores.tsv"));
        Console.WriteLine($"written to '{output}'");
    }

    /// <summary>Measures each combination by itself, or does a shard of them: then null.</summary>
    private static Concept101Metrics? Measure(
        IReadOnlyList<Concept101File> pictures, string dataSet, EvaluationModels models, int batchSize, Concept101CaptionRule captions, ShardPlan plan,
        string output, CancellationToken cancellationToken)
    {
        Concept101File[][] parts = [.. pictures.GroupBy(f => f.Combination).Select(g => g.ToArray())];
        int done = 0;
        IReadOnlyList<MeasuredCombination>? measured = ToolProgress.Run("evaluation", shown =>
        {
            var evaluator = new Concept101Evaluator(models.Dino, models.Clip, models.Identities, new()
            {
                CaptionRule = captions,
                BatchSize = batchSize,
                Progress = new DirectProgress<int>(_ => shown.Report(++done, pictures.Count, $"image {done} of {pictures.Count}")),
            });
            return new ShardedWork(plan, output, () => Settings(pictures, models, batchSize, captions)).Run(parts.Length, part =>
            {
                Concept101Metrics metrics = evaluator.Evaluate(dataSet, parts[part], cancellationToken);
                return new MeasuredCombination(metrics.Combinations[0], metrics.TruncatedCaptions);
            }, cancellationToken);
        });
        if (measured is null)
            return null;
        List<TruncatedPrompt> truncated = [];
        for (int part = 0, first = 0; part < parts.Length; first += parts[part++].Length)
            truncated.AddRange(measured[part].TruncatedCaptions.Select(t => t with { Index = first + t.Index }));
        return new Concept101Metrics(captions, [.. measured.Select(m => m.Metrics)], models.Identities) { TruncatedCaptions = truncated };
    }

    private static SortedDictionary<string, string> Settings(
        IReadOnlyList<Concept101File> pictures, EvaluationModels models, int batchSize, Concept101CaptionRule captions)
    {
        SortedDictionary<string, string> settings = ShardSettings.Of(("--captions", captions), ("--batch", batchSize), ("images", pictures.Count),
            ("SHA-256 of images", ShardSettings.HashOf(pictures.Select(p => ($"{p.Combination.Index}\0{p.Caption(captions)}", p.Path)))));
        foreach (EvaluationModel model in models.Identities)
            settings[$"SHA-256 of {model.Role}"] = model.Sha256;
        return settings;
    }

    private static void Check(Concept101Files files, bool allowMissing)
    {
        HashSet<string> known = [.. files.Found.Select(f => string.Create(CultureInfo.InvariantCulture, $"comb_{f.Combination.Index}"))];
        IEnumerable<string> missing = files.Missing.GroupBy(f => Path.GetDirectoryName(f)!)
            .SelectMany(c => known.Contains(c.Key) ? c.Select(f => $"missing generation {f}") : [$"missing generations of {c.Key}: all {c.Count()}"]);
        foreach (string line in missing.Concat(files.Stray.Select(f => $"stray generation {f}")))
            Console.Error.WriteLine(line);
        if (!files.IsExact && !allowMissing)
        {
            throw new InputException($"{files.Missing.Count} files are missing and {files.Stray.Count} are not of the benchmark; --allow-missing evaluates "
                + "what is there.");
        }
    }

    private static void Print(Concept101Metrics metrics)
    {
        PromptWarnings.Print(metrics.TruncatedCaptions);
        Console.WriteLine("comb  objects                                   images   DINO  CLIP-I  CLIP-T (2.5 max(cos, 0))");
        foreach (Concept101CombinationMetrics c in metrics.Combinations)
        {
            Console.WriteLine($"{c.Combination,4}  {string.Join(" + ", c.Objects.Select(o => o.Concept)),-40}  {c.Images,6}  {c.Dino,5:F3}   {c.ClipI,5:F3}   "
                + $"{c.ClipT,5:F3}");
        }
        Console.WriteLine();
        Console.WriteLine(metrics);
        foreach (EvaluationModel model in metrics.Models)
            Console.WriteLine($"{model.Role}: {model.Name}, SHA-256 {model.Sha256}");
    }
}
