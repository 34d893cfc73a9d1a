namespace PatchDpo.Torch.Evaluation;

/// <summary>What changed between two evaluations, over the images that both have.</summary>
public sealed class EvaluationComparison
{
    // What says most of the subject comes first.
    private static readonly PersonalizationMetric[] Order =
    [
        PersonalizationMetric.PatchQuality, PersonalizationMetric.Dino, PersonalizationMetric.SubjectSimilarity, PersonalizationMetric.ClipI,
        PersonalizationMetric.ClipT,
    ];

    private EvaluationComparison(
        PersonalizationMetric ranking, IReadOnlyList<ComparedImage> images, IReadOnlyList<MetricChange> metrics, int subjects, IReadOnlyList<string> before,
        IReadOnlyList<string> after)
        => (Ranking, Images, Metrics, Subjects, OnlyBefore, OnlyAfter) = (ranking, images, metrics, subjects, before, after);

    /// <summary>The metric by which images are ranked: of those that both evaluations have, the one that says most of the subject.</summary>
    public PersonalizationMetric Ranking { get; }

    /// <summary>The images that both have, the one that lost most first.</summary>
    public IReadOnlyList<ComparedImage> Images { get; }

    /// <summary>The metrics that both have.</summary>
    public IReadOnlyList<MetricChange> Metrics { get; }

    /// <summary>How many subjects the images show.</summary>
    public int Subjects { get; }

    /// <summary>What the intervals are over: subjects; with a single one, its images.</summary>
    public string IntervalsOver => Subjects > 1 ? "subjects" : "images";

    /// <summary>The images that the first has alone, by name.</summary>
    public IReadOnlyList<string> OnlyBefore { get; }

    /// <summary>The images that the second has alone, by name.</summary>
    public IReadOnlyList<string> OnlyAfter { get; }

    /// <summary>Compares; images are the same by their names, or by subject and prompt where they have no names.</summary>
    /// <param name="before">The first evaluation.</param>
    /// <param name="after">The second.</param>
    /// <exception cref="ArgumentException">
    /// The settings or the models differ, a name appears twice, or the two have no image or no metric in common.
    /// </exception>
    public static EvaluationComparison Of(EvaluationReport before, EvaluationReport after)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        if (before.Metrics.Setting != after.Metrics.Setting)
            throw new ArgumentException($"One is of the setting {before.Metrics.Setting}, the other of {after.Metrics.Setting}: the two do not compare.");
        foreach (EvaluationModel model in before.Metrics.Models)
            if (after.Metrics.Models.FirstOrDefault(m => m.Role == model.Role && m.Sha256 != model.Sha256) is EvaluationModel other)
                throw new ArgumentException($"The two were measured with different models of {model.Role}: SHA-256 {model.Sha256} and {other.Sha256}.");
        Dictionary<string, ImageMetrics> first = ByName(before), second = ByName(after);
        (string Name, ImageMetrics Before, ImageMetrics After)[] both =
            [.. first.Where(i => second.ContainsKey(i.Key)).Select(i => (i.Key, i.Value, second[i.Key]))];
        if (both.Length == 0)
            throw new ArgumentException("The two evaluations have no image in common.");
        PersonalizationMetric[] metrics = [.. Order.Where(m => both.All(i => i.Before.Find(m) is not null && i.After.Find(m) is not null))];
        if (metrics.Length == 0)
            throw new ArgumentException("The two evaluations have no metric in common.");
        (string, ImageMetrics Before, ImageMetrics After)[][] subjects = [.. both.GroupBy(i => i.Before.Subject).Select(g => g.ToArray())];
        // One subject has no spread over subjects. Its images are those that both have, whatever else is on one side.
        (string, ImageMetrics Before, ImageMetrics After)[][] units = subjects.Length > 1 ? subjects : [.. both.Select(i => new[] { i })];
        return new EvaluationComparison(
            metrics[0],
            [.. both.Select(i => new ComparedImage(i.Name, i.Before, i.After, i.After.Find(metrics[0])!.Value - i.Before.Find(metrics[0])!.Value))
                .OrderBy(i => i.Change)],
            [.. metrics.Order().Select(Change)], subjects.Length,
            [.. first.Keys.Where(n => !second.ContainsKey(n)).Order(StringComparer.Ordinal)],
            [.. second.Keys.Where(n => !first.ContainsKey(n)).Order(StringComparer.Ordinal)]);

        MetricChange Change(PersonalizationMetric metric)
        {
            double[] x = [.. units.Select(u => u.Average(i => i.Before.Find(metric)!.Value))];
            double[] y = [.. units.Select(u => u.Average(i => i.After.Find(metric)!.Value))];
            return new MetricChange(metric, x.Average(), y.Average(), MetricEstimate.FromSubjects([.. y.Zip(x, (b, a) => b - a)]));
        }
    }

    /// <summary>The metric that an evaluation's images are ranked by.</summary>
    internal static PersonalizationMetric RankingOf(PersonalizationMetrics metrics) => Order.First(m => metrics.Find(m) is not null);

    private static Dictionary<string, ImageMetrics> ByName(EvaluationReport report)
    {
        Dictionary<string, ImageMetrics> images = new(StringComparer.Ordinal);
        for (int i = 0; i < report.Metrics.ImageMetrics.Count; i++)
            if (!images.TryAdd(report.NameOf(i), report.Metrics.ImageMetrics[i]))
                throw new ArgumentException($"The image '{report.NameOf(i)}' appears twice in an evaluation.");
        return images;
    }
}
