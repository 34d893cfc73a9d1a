using System.Globalization;
using PatchDpo.Tool.Shared;
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
    /// <param name="cancellationToken">Looked at before every batch.</param>
    public static void Run(
        string generations, string dataSet, Func<EvaluationModels> open, int batchSize, Concept101CaptionRule captions, bool allowMissing, string[] notes, string output,
        CancellationToken cancellationToken)
    {
        Concept101Files files = Concept101Files.Find(generations, Concept101.Read(dataSet));
        Check(files, allowMissing);
        OutputFolder.Check(output);
        using EvaluationModels models = open();
        Console.WriteLine($"{files.Found.Count} images of {files.Found.DistinctBy(f => f.Combination.Index).Count()} combinations");
        Concept101Metrics metrics = ToolProgress.Run("evaluation", shown => new Concept101Evaluator(models.Dino, models.Clip, models.Identities, new()
        {
            CaptionRule = captions,
            BatchSize = batchSize,
            Progress = new DirectProgress<int>(done => shown.Report(done, files.Found.Count, $"image {done} of {files.Found.Count}")),
        }).Evaluate(dataSet, files.Found, cancellationToken));
        Print(metrics);
        Directory.CreateDirectory(output);
        var report = new Concept101Report(metrics) { Notes = notes, MissingFiles = files.Missing, StrayFiles = files.Stray };
        report.WriteJson(Path.Combine(output, "scores.json"));
        report.WriteTsv(Path.Combine(output, "scores.tsv"));
        Console.WriteLine($"written to '{output}'");
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
