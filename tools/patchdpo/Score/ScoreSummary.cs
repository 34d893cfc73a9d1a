using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Tool.Score;

/// <summary>What the terminal shows of scored pairs: each of a few; of many the folders' means and the worst.</summary>
internal static class ScoreSummary
{
    private const int MostShown = 20, WorstShown = 10;

    /// <summary>Prints it.</summary>
    /// <param name="scored">Pairs with their worst patches.</param>
    /// <param name="name">How a path is shown.</param>
    public static void Print(IReadOnlyList<(ScoredPair Pair, IReadOnlyList<WorstPatch> Worst)> scored, Func<string, string> name)
    {
        if (scored.Count <= MostShown)
        {
            foreach ((ScoredPair pair, IReadOnlyList<WorstPatch> worst) in scored)
                PrintPair(pair, worst, name);
            return;
        }
        Console.WriteLine($"{"pairs",6}{"mean",8}{"lowest",8}  generated images in");
        foreach (IGrouping<string, ScoredPair> folder in scored.Select(s => s.Pair).GroupBy(p => Path.GetDirectoryName(name(p.Pair.GeneratedPath))!)
            .OrderBy(g => g.Average(p => p.Score)))
        {
            string place = folder.Key.Length > 0 ? folder.Key : ".";
            Console.WriteLine($"{folder.Count(),6}{folder.Average(p => p.Score),8:F3}{folder.Min(p => p.Score),8:F3}  {place}");
        }
        Console.WriteLine($"the worst {WorstShown}; all are in scores.tsv and worst-patches.tsv:");
        foreach ((ScoredPair pair, IReadOnlyList<WorstPatch> worst) in scored.OrderBy(s => s.Pair.Score).Take(WorstShown))
            PrintPair(pair, worst, name);
    }

    private static void PrintPair(ScoredPair pair, IReadOnlyList<WorstPatch> worst, Func<string, string> name)
    {
        Console.WriteLine($"{pair.Score:F3}  {name(pair.Pair.GeneratedPath)} <- {name(pair.Pair.ReferencePath)}");
        foreach (WorstPatch patch in worst)
        {
            Console.WriteLine($"       row {patch.Row}, column {patch.Column}: {patch.Quality:F2}, "
                + $"pixels {patch.X}..{patch.X + patch.Width - 1} x {patch.Y}..{patch.Y + patch.Height - 1}");
        }
    }
}
