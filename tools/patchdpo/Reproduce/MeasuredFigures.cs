using PatchDpo.Torch.Evaluation;

namespace PatchDpo.Tool.Reproduce;

/// <summary>What one setting's images gave.</summary>
/// <param name="Setting">The setting.</param>
/// <param name="Before">The scores before the tuning.</param>
/// <param name="After">The scores after it.</param>
/// <param name="Comparison">The paired differences.</param>
internal sealed record MeasuredFigures(
    BenchmarkSetting Setting, PersonalizationMetrics Before, PersonalizationMetrics After, EvaluationComparison Comparison)
{
    /// <summary>The published tables' metrics, as files name them and as people do.</summary>
    public static readonly (string Key, string Title, PersonalizationMetric Metric)[] Metrics =
    [
        ("dino", "DINO", PersonalizationMetric.Dino), ("clipI", "CLIP-I", PersonalizationMetric.ClipI), ("clipT", "CLIP-T", PersonalizationMetric.ClipT),
    ];

    /// <summary>The subjects' means and their differences, with 95 % intervals, in the metrics' order.</summary>
    public (string Title, bool IsChange, MetricEstimate[] Metrics)[] Rows =>
    [
        ("before the tuning", false, Of(Before)), ("after PatchDPO", false, Of(After)),
        ("change, paired", true, [.. Metrics.Select(m => Comparison.Metrics.Single(c => c.Metric == m.Metric).Change)]),
    ];

    /// <summary>Reads the scores of both sides.</summary>
    /// <param name="setting">The setting.</param>
    /// <param name="before">The folder of the scores before the tuning.</param>
    /// <param name="after">That of the scores after it.</param>
    public static MeasuredFigures Read(BenchmarkSetting setting, string before, string after)
    {
        EvaluationReport first = ReportOf(before), second = ReportOf(after);
        return new MeasuredFigures(setting, first.Metrics, second.Metrics, EvaluationComparison.Of(first, second));

        static EvaluationReport ReportOf(string folder) => EvaluationReport.ReadJson(Path.Combine(folder, "scores.json"));
    }

    // DINO and CLIP are always measured.
    private static MetricEstimate[] Of(PersonalizationMetrics metrics) => [metrics.Dino!, metrics.ClipI!, metrics.ClipT!];
}
