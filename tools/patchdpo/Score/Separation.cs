using System.Diagnostics;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Tool.Score;

/// <summary>How well the score separates pairs of photos of one subject from pairs of two subjects.</summary>
internal static class Separation
{
    private const int Resamplings = 500;

    public static void Run(string folder, int limit, int seed, bool ignorePlainBackground, EncoderChoice encoder, ReferenceViews? views,
        (int BatchSize, FeatureCacheOptions Features) work, CancellationToken cancellationToken)
    {
        if (limit < 1)
            throw new InputException("--limit must be at least 1.");
        (string Subject, string Path)[] photos = [.. Subjects(folder).SelectMany(s => PairFolders.Images(s).Select(p => (Path.GetFileName(s), p)))];
        var random = new Random(seed);
        (List<SubjectPair> same, List<SubjectPair> different) = DrawPairs(photos, limit, random);
        if (same.Count == 0 || different.Count == 0)
            throw new InputException($"'{folder}' needs at least two sub-folders with images, and two images in one of them.");

        // Pairs with one reference stand together, so that it is encoded once.
        SubjectPair[] pairs = [.. same.Concat(different).OrderBy(p => p.Images.ReferencePath, StringComparer.Ordinal)];
        long start = Stopwatch.GetTimestamp();
        using var pipeline = new ScoringPipeline(pairs[0].Images, ignorePlainBackground, encoder, views, alignment: null, work);
        foreach ((SubjectPair pair, ScoredPair scored) in pairs.Zip(pipeline.Score([.. pairs.Select(p => p.Images)], cancellationToken)))
            pair.Score = scored.Score;
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;

        string[] subjects = [.. pairs.Select(p => p.First).Concat(pairs.Select(p => p.Second)).Distinct().Order(StringComparer.Ordinal)];
        double auc = RankingArea.Compute(same.Select(p => (p.Score, 1.0)), different.Select(p => (p.Score, 1.0)));
        (double low, double high) = Interval(subjects, same, different, random);
        Console.WriteLine($"{photos.Length} photos of {subjects.Length} subjects; {same.Count} same-subject pairs, {different.Count} different-subject "
            + $"pairs, seed {seed}; patch features of {encoder.Title}{ViewOptions.Describe(views)}");
        Console.WriteLine($"mean score: same {same.Average(p => p.Score):F4}, different {different.Average(p => p.Score):F4}");
        Console.WriteLine($"AUC {auc:F4}, 95% interval {low:F4} to {high:F4} (bootstrap over subjects, {Resamplings} times)");
        Console.WriteLine($"{seconds:F1} s, {pairs.Length / seconds:F1} pairs/s, loading included");
        Console.WriteLine();
        Console.WriteLine($"{"subject",-24}{"same",6}{"different",11}{"AUC",8}");
        foreach (string subject in subjects)
        {
            SubjectPair[] own = [.. same.Where(p => p.First == subject)], other = [.. different.Where(p => p.First == subject || p.Second == subject)];
            double area = own.Length > 0 && other.Length > 0
                ? RankingArea.Compute(own.Select(p => (p.Score, 1.0)), other.Select(p => (p.Score, 1.0)))
                : double.NaN;
            Console.WriteLine($"{subject,-24}{own.Length,6}{other.Length,11}{(double.IsNaN(area) ? "-" : area.ToString("F3")),8}");
        }

        Console.WriteLine();
        Print("different subjects that look alike to it:", different.OrderByDescending(p => p.Score));
        Print("photos of one subject that do not:", same.OrderBy(p => p.Score));

        void Print(string heading, IEnumerable<SubjectPair> list)
        {
            Console.WriteLine(heading);
            foreach (SubjectPair p in list.Take(5))
            {
                Console.WriteLine($"  {p.Score:F4}  {Path.GetRelativePath(folder, p.Images.GeneratedPath)} | "
                    + Path.GetRelativePath(folder, p.Images.ReferencePath));
            }
        }
    }

    private static IEnumerable<string> Subjects(string folder) => Directory.Exists(folder)
        ? FolderFiles.Folders(folder)
        : throw new InputException($"There is no folder '{folder}'.");

    private static (List<SubjectPair> Same, List<SubjectPair> Different) DrawPairs((string Subject, string Path)[] photos, int limit, Random random)
    {
        var same = new List<SubjectPair>();
        var different = new List<SubjectPair>();
        for (int i = 0; i < photos.Length; i++)
        {
            for (int j = i + 1; j < photos.Length; j++)
            {
                var images = new ImagePair { ReferencePath = photos[i].Path, GeneratedPath = photos[j].Path };
                var pair = new SubjectPair(photos[i].Subject, photos[j].Subject, images);
                (photos[i].Subject == photos[j].Subject ? same : different).Add(pair);
            }
        }

        same = Draw(same, limit);
        return (same, Draw(different, same.Count));

        List<SubjectPair> Draw(List<SubjectPair> list, int count)
        {
            SubjectPair[] all = [.. list];
            random.Shuffle(all);
            return [.. all.Take(count)];
        }
    }

    /// <summary>
    /// Subjects are drawn with replacement; a pair counts as often as its subjects were drawn. Photos of one subject are no independent evidence.
    /// </summary>
    private static (double Low, double High) Interval(string[] subjects, List<SubjectPair> same, List<SubjectPair> different, Random random)
    {
        var areas = new List<double>(Resamplings);
        for (int i = 0; i < Resamplings; i++)
        {
            Dictionary<string, int> drawn = subjects.ToDictionary(s => s, _ => 0);
            for (int k = 0; k < subjects.Length; k++)
                drawn[subjects[random.Next(subjects.Length)]]++;
            double area = RankingArea.Compute(
                same.Select(p => (p.Score, (double)drawn[p.First])), different.Select(p => (p.Score, (double)drawn[p.First] * drawn[p.Second])));
            if (double.IsFinite(area))
                areas.Add(area);
        }

        areas.Sort();
        return (areas[(int)(0.025 * (areas.Count - 1))], areas[(int)(0.975 * (areas.Count - 1))]);
    }
}
