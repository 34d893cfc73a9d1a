using PatchDpo.Torch.Evaluation;

namespace PatchDpo.Torch.Reports;

/// <summary>The metrics that an evaluation has, the one that ranks its images first.</summary>
internal static class MetricSet
{
    /// <summary>Those that were measured.</summary>
    public static IReadOnlyList<PersonalizationMetric> Of(PersonalizationMetrics metrics)
    {
        PersonalizationMetric first = EvaluationComparison.RankingOf(metrics);
        return [.. Enum.GetValues<PersonalizationMetric>().Where(m => metrics.Find(m) is not null).OrderBy(m => m != first)];
    }

    /// <summary>An image's facts in a line: its scores, subject and prompt.</summary>
    public static Html Facts(IEnumerable<Html> scores, string subject, string prompt)
    {
        Html[] parts =
        [
            .. scores, .. subject.Length > 0 ? [(Html)$"<span>subject <bdi>{subject}</bdi></span>"] : Array.Empty<Html>(),
            .. prompt.Length > 0 ? [(Html)$"<span class=\"quoted\"><bdi>{prompt}</bdi></span>"] : Array.Empty<Html>(),
        ];
        return Html.Join(parts);
    }
}
