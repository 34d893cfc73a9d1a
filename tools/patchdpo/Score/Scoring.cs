using System.Diagnostics;
using System.Text;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Reports;

namespace PatchDpo.Tool.Score;

/// <summary>Scores pairs and writes the tables and pictures.</summary>
internal static class Scoring
{
    public static void Run(IReadOnlyList<ImagePair> pairs, ScoringOptions options, CancellationToken cancellationToken)
    {
        if (options.WorstPatches < 1 || options.HeatMaps < 0)
            throw new InputException("--worst must be at least 1 and --heat-maps at least 0.");
        string common = CommonFolder(pairs.SelectMany(p => new[] { p.ReferencePath, p.GeneratedPath }));
        OutputFolder.Check(options.OutputFolder);
        Console.WriteLine($"{pairs.Count} pairs in '{common}'; patch features of {options.Encoder.Title}");

        long start = Stopwatch.GetTimestamp();
        var scored = new List<ScoredPair>(pairs.Count);
        var worst = new List<IReadOnlyList<WorstPatch>>(pairs.Count);
        // Of an image that many pairs have, the size is looked at once.
        Dictionary<string, (int Width, int Height)> sizes = new(StringComparer.Ordinal);
        ToolProgress.Run("scoring", shown =>
        {
            foreach (ScoredPair pair in ScoringPipeline.Score(pairs, options.IgnorePlainBackground, options.Encoder, options.Work, cancellationToken))
            {
                string path = pair.Pair.GeneratedPath;
                if (!sizes.TryGetValue(path, out (int Width, int Height) size))
                    sizes.Add(path, size = ImageFile.Load(path) is var image ? (image.Width, image.Height) : default);
                scored.Add(pair);
                worst.Add(WorstPatch.Find(pair.Generated, size.Width, size.Height, options.WorstPatches));
                shown.Report(scored.Count, pairs.Count, $"pair {scored.Count} of {pairs.Count}");
            }
            return 0;
        });
        ScoreSummary.Print([.. scored.Zip(worst)], Short);

        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Directory.CreateDirectory(options.OutputFolder);
        WriteTables(options.OutputFolder, scored, worst, Short);
        Console.WriteLine($"mean {scored.Average(p => p.Score):F3}; {seconds:F1} s, {scored.Count / seconds:F1} pairs/s, loading included");
        if (options.HeatMaps > 0)
            DrawHeatMaps(options, scored, worst, Short);
        Console.WriteLine($"written to '{options.OutputFolder}'");
        options.Report?.Write("Patch quality", [], page => page.AddScores([.. scored.Select(p => Reported(p, Short))], options.Encoder.Identity("patch quality")));

        string Short(string path) => Path.GetRelativePath(common, path);
    }

    private static ScoredImagePair Reported(ScoredPair pair, Func<string, string> name) => new(
        name(pair.Pair.GeneratedPath), new PatchQualityResult(pair.Generated, pair.Reference, pair.Score),
        () => (ImageFile.Load(pair.Pair.GeneratedPath), ImageFile.Load(pair.Pair.ReferencePath)))
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
        // One scale for all pictures of a run, so that they can be compared.
        float[] all = [.. scored.SelectMany(p => p.Generated.Values.Concat(p.Reference.Values)).Order()];
        float low = all[(int)(0.01 * (all.Length - 1))], high = all[^1];
        var range = new HeatMapOptions { Worst = Math.Min(low, high - 0.05f), Best = high };
        foreach (int i in Enumerable.Range(0, scored.Count).OrderBy(i => scored[i].Score).Take(options.HeatMaps))
        {
            ImagePair pair = scored[i].Pair;
            string flat = string.Join('_', Path.ChangeExtension(name(pair.GeneratedPath), null).Split([.. Path.GetInvalidFileNameChars(), ' ']));
            string file = $"{i + 1:D4}_{flat}{options.Format.Ending()}";
            string prompt = pair.Prompt.Length > 0 ? $" \u2013 {pair.Prompt}" : "";
            string title = $"{name(pair.GeneratedPath)} against {name(pair.ReferencePath)}: {scored[i].Score:F3}{prompt}";
            ImageFile.Save(Path.Combine(folder, file), HeatMapSheet.Draw(scored[i], worst[i], range, title), options.Format);
        }
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
