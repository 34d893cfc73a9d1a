using PatchDpo.Tool.Compare;
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
    public static readonly (string Key, string Title)[] Metrics = [("dino", "DINO"), ("clipI", "CLIP-I"), ("clipT", "CLIP-T")];

    /// <summary>Reads the scores of both sides.</summary>
    public static MeasuredFigures Read(BenchmarkSetting setting, string before, string after)
    {
        ScoreFile[] sides = [ScoreFile.Read(before), ScoreFile.Read(after)];
        string[][] subjects = [.. sides[0].Images.GroupBy(i => i.Value.Subject).Select(g => g.Select(i => i.Key).ToArray())];
        return new MeasuredFigures(setting, subjects.Length, sides[0].Images.Count, Each(m => Means(sides[0], m)), Each(m => Means(sides[1], m)),
            Each(m => [.. Means(sides[1], m).Zip(Means(sides[0], m), (a, b) => a - b)]));

        double[] Means(ScoreFile side, string metric) => [.. subjects.Select(s => s.Average(i => side.Images[i].Scores[metric]))];

        static Dictionary<string, MetricEstimate> Each(Func<string, double[]> values)
            => Metrics.ToDictionary(m => m.Key, m => MetricEstimate.FromSubjects(values(m.Key)));
    }
}
