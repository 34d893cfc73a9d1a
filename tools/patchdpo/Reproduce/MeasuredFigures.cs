using PatchDpo.Torch.Evaluation;

namespace PatchDpo.Tool.Reproduce;

/// <summary>What one setting's images gave.</summary>
/// <param name="Setting">The setting.</param>
/// <param name="Subjects">How many subjects.</param>
/// <param name="Images">How many images on each side.</param>
/// <param name="Before">The means over subjects before the tuning, by the metrics' names, with 95 % intervals.</param>
/// <param name="After">The same after it.</param>
/// <param name="Change">The subjects' paired differences.</param>
internal sealed record MeasuredFigures(
    BenchmarkSetting Setting, int Subjects, int Images, IReadOnlyDictionary<string, MetricEstimate> Before,
    IReadOnlyDictionary<string, MetricEstimate> After, IReadOnlyDictionary<string, MetricEstimate> Change)
{
    /// <summary>The published tables' metrics, as files name them and as people do.</summary>
    public static readonly (PersonalizationMetric Metric, string Key, string Title)[] Metrics =
    [
        (PersonalizationMetric.Dino, "dino", "DINO"), (PersonalizationMetric.ClipI, "clipI", "CLIP-I"), (PersonalizationMetric.ClipT, "clipT", "CLIP-T"),
    ];

    /// <summary>The file of an evaluation's scores in its folder.</summary>
    public static string ScoresOf(string folder) => Path.Combine(folder, "scores.json");

    /// <summary>Reads the scores of both sides' folders.</summary>
    public static MeasuredFigures Read(BenchmarkSetting setting, string before, string after)
    {
        (EvaluationReport first, EvaluationReport second) = (EvaluationReport.ReadJson(ScoresOf(before)), EvaluationReport.ReadJson(ScoresOf(after)));
        EvaluationComparison comparison = EvaluationComparison.Of(first, second);
        return new MeasuredFigures(setting, comparison.Subjects, comparison.Images.Count, Means(first.Metrics), Means(second.Metrics),
            Metrics.ToDictionary(m => m.Key, m => comparison.Metrics.Single(c => c.Metric == m.Metric).Change));

        static Dictionary<string, MetricEstimate> Means(PersonalizationMetrics side)
            => Metrics.Zip([side.Dino!, side.ClipI!, side.ClipT!]).ToDictionary(m => m.First.Key, m => m.Second);
    }
}
