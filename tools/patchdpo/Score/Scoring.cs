using System.Diagnostics;
using System.Text;
using PatchDpo.Tool.Shards;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Reports;

namespace PatchDpo.Tool.Score;

/// <summary>Scores pairs and writes the tables and pictures.</summary>
internal static class Scoring
{
    public static void Run(IReadOnlyList<ImagePair> pairs, ScoringOptions options, ShardPlan plan, CancellationToken cancellationToken)
    {
        if (options.WorstPatches < 1 || options.HeatMaps < 0)
            throw new InputException("--worst must be at least 1 and --heat-maps at least 0.");
        string common = CommonFolder(pairs.SelectMany(p => new[] { p.ReferencePath, p.GeneratedPath }));
        OutputFolder.Check(options.OutputFolder);
        Console.WriteLine($"{pairs.Count} pairs in '{common}'; patch features of {options.Encoder.Title}");

        long start = Stopwatch.GetTimestamp();
        var scored = new List<ScoredPair>(pairs.Count);
        var worst = new List<IReadOnlyList<WorstPatch>>(pairs.Count);
        if (Compute(pairs, options, plan, Short, cancellationToken) is not { } stored)
            return;
        foreach ((ImagePair pair, StoredScore score) in pairs.Zip(stored))
        {
            scored.Add(score.Restore(pair));
            worst.Add(WorstPatch.Find(scored[^1].Generated, score.Width, score.Height, options.WorstPatches, pair.LoadGeneratedMask()));
        }
        ScoreSummary.Print([.. scored.Zip(worst)], Short);

        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Directory.CreateDirectory(options.OutputFolder);
        WriteTables(options.OutputFolder, scored, worst, Short);
        Console.WriteLine($"mean {scored.Average(p => p.Score):F3}; {seconds:F1} s, {scored.Count / seconds:F1} pairs/s, loading included");
        if (options.HeatMaps > 0)
            DrawHeatMaps(options, scored, worst, Short);
        Console.WriteLine($"written to '{options.OutputFolder}'");
        options.Report?.Write($"Patch quality in {Path.GetFileName(common)}", [], page => page.AddScores(
            [.. scored.Select(p => Reported(p, options.IgnorePlainBackground, Short))], options.Encoder.Identity("patch quality")));

        string Short(string path) => Path.GetRelativePath(common, path);
    }

    /// <summary>Scores all pairs, or a shard of them: then null.</summary>
    private static IEnumerable<StoredScore>? Compute(
        IReadOnlyList<ImagePair> pairs, ScoringOptions options, ShardPlan plan, Func<string, string> name, CancellationToken cancellationToken)
    {
        using var pipeline = new ScoringPipeline(pairs[0], options.IgnorePlainBackground, options.Encoder, options.Views, options.Alignment, options.Work);
        // Of an image that many pairs have, the size is looked at once.
        Dictionary<string, (int Width, int Height)> sizes = new(StringComparer.Ordinal);
        ImagePair[][] parts = [.. pairs.Chunk(ScoringPipeline.PairsTogether)];
        var work = new ShardedWork(plan, options.OutputFolder, () => Settings(pairs, options, name));
        return ToolProgress.Run("scoring", shown => work.Run(parts.Length, part =>
        {
            List<StoredScore> scores = [];
            foreach (ScoredPair pair in pipeline.Score(parts[part], cancellationToken))
            {
                string path = pair.Pair.GeneratedPath;
                if (!sizes.TryGetValue(path, out (int Width, int Height) size))
                    sizes.Add(path, size = ImageFile.Load(path) is var image ? (image.Width, image.Height) : default);
                scores.Add(StoredScore.Of(pair, size.Width, size.Height));
                int place = (part * ScoringPipeline.PairsTogether) + scores.Count;
                shown.Report(place, pairs.Count, $"pair {place} of {pairs.Count}");
            }
            return scores;
        }, cancellationToken))?.SelectMany(s => s);
    }

    private static SortedDictionary<string, string> Settings(
        IReadOnlyList<ImagePair> pairs, ScoringOptions options, Func<string, string> name) => ShardSettings.Of(
    [
        ("--worst", options.WorstPatches), ("--heat-maps", options.HeatMaps), ("--format", options.Format),
        ("--ignore-plain-background", options.IgnorePlainBackground),
        ("--reference-scales", string.Join(' ', options.Views?.Scales ?? [])), ("--reference-tilts", string.Join(' ', options.Views?.Tilts ?? [])),
        ("--mirrored-references", options.Views?.Mirrored == true), ("--align-objects", options.Alignment is not null),
        ("--compare-colors", options.Alignment?.ColorSpread > 0),
        .. options.Encoder.Chosen.Select(c => (c.Key, (object?)c.Value)),
        ("pairs", pairs.Count),
        ("SHA-256 of pairs", ShardSettings.HashOf(pairs.SelectMany(p => new[]
        {
            ($"{name(p.ReferencePath)}\0{p.Prompt}", p.ReferencePath), (name(p.GeneratedPath), p.GeneratedPath),
            ("mask", p.GeneratedMaskPath), ("reference's mask", p.ReferenceMaskPath),
        }.Where(f => f.Item2.Length > 0)))),
    ]).With(ModelIdentity.FromPath("patch encoder", options.Encoder.Path));

    private static ScoredImagePair Reported(ScoredPair pair, bool ignorePlainBackground, Func<string, string> name) => new(
        name(pair.Pair.GeneratedPath), new PatchQualityResult(pair.Generated, pair.Reference, pair.Score), () => pair.Pair.Load(ignorePlainBackground))
    {
        ReferenceName = name(pair.Pair.ReferencePath),
        Subject = Path.GetDirectoryName(name(pair.Pair.GeneratedPath))!,
        Prompt = pair.Pair.Prompt,
    };

    private static void WriteTables(string folder, List<ScoredPair> scored, List<IReadOnlyList<WorstPatch>> worst, Func<string, string> name)
    {
        WriteText(Path.Combine(folder, "scores.tsv"), "Generated\tReference\tPrompt\tScore\tGeneratedQuality\tReferenceQuality\n"
            + string.Concat(scored.Select(p => $"{Names(p.Pair)}\t{p.Pair.Prompt}\t{p.Score:F5}\t{p.Generated.Mean():F5}\t{p.Reference.Mean():F5}\n")));
        WriteText(Path.Combine(folder, "worst-patches.tsv"), "Generated\tReference\tRank\tRow\tColumn\tQuality\tX\tY\tWidth\tHeight\n"
            + string.Concat(scored.Zip(worst).SelectMany(s => s.Second.Select((p, i) =>
                $"{Names(s.First.Pair)}\t{i + 1}\t{p.Row}\t{p.Column}\t{p.Quality:F5}\t{p.X}\t{p.Y}\t{p.Width}\t{p.Height}\n"))));

        string Names(ImagePair pair) => $"{name(pair.GeneratedPath)}\t{name(pair.ReferencePath)}";
    }

    private static void WriteText(string path, string text) => AtomicFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    private static void DrawHeatMaps(ScoringOptions options, List<ScoredPair> scored, List<IReadOnlyList<WorstPatch>> worst, Func<string, string> name)
    {
        string folder = Directory.CreateDirectory(Path.Combine(options.OutputFolder, "heat-maps")).FullName;
        int[] drawn = [.. Enumerable.Range(0, scored.Count).OrderBy(i => scored[i].Score).Take(options.HeatMaps)];
        // One scale for all pictures of a run, so that they can be compared.
        HeatMapOptions range = HeatMap.CommonRange(drawn.SelectMany(i => Counted(scored[i], options.IgnorePlainBackground)));
        foreach (int i in drawn)
        {
            ImagePair pair = scored[i].Pair;
            string flat = string.Join('_', Path.ChangeExtension(name(pair.GeneratedPath), null).Split([.. Path.GetInvalidFileNameChars(), ' ']));
            string file = $"{i + 1:D4}_{flat}{options.Format.Ending()}";
            ImageFile.Save(Path.Combine(folder, file),
                HeatMapSheet.Draw(scored[i], pair.Load(options.IgnorePlainBackground), worst[i], range, Title(scored[i])), options.Format);
        }
        if (options.Overview)
        {
            ImageFile.SavePng(Path.Combine(options.OutputFolder, "overview.png"),
                Overview.Draw([.. drawn.Order().Select(i => scored[i])], options.IgnorePlainBackground, range, Title));
        }

        string Title(ScoredPair pair)
        {
            string prompt = pair.Pair.Prompt.Length > 0 ? $" \u2013 {pair.Pair.Prompt}" : "";
            return $"{name(pair.Pair.GeneratedPath)} against {name(pair.Pair.ReferencePath)}: {pair.Score:F3}{prompt}";
        }
    }

    // Both maps; of the masks no more than the patches' grid.
    private static IEnumerable<(QualityMap, bool[,]?)> Counted(ScoredPair pair, bool ignorePlainBackground)
    {
        EvaluationRow row = pair.Pair.Load(ignorePlainBackground);
        return [(pair.Generated, Grid(row.GeneratedMask, pair.Generated)), (pair.Reference, Grid(row.ReferenceMasks?[0], pair.Reference))];

        static bool[,]? Grid(bool[,]? mask, QualityMap map) => mask is null ? null : ForegroundMask.ToPatchGrid(mask, map.Height, map.Width);
    }

    private static string CommonFolder(IEnumerable<string> paths)
    {
        string? common = null;
        foreach (string path in paths)
        {
            common ??= Path.GetDirectoryName(path)!;
            while (Path.GetDirectoryName(common) is string parent && Path.GetRelativePath(common, path).StartsWith("..", StringComparison.Ordinal))
                common = parent;
        }

        return common!;
    }
}
