using System.Globalization;
using System.Text;
using System.Text.Json;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Evaluation;

/// <summary>Concept101's metrics as files, for people and for other programs.</summary>
/// <param name="Metrics">What was measured.</param>
public sealed record Concept101Report(Concept101Metrics Metrics)
{
    private static readonly JsonSerializerOptions ReportOptions = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    /// <summary>What a reader of the figures must know, such as that they compare with nothing else.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Files that should have been evaluated and were not there.</summary>
    public IReadOnlyList<string> MissingFiles { get; init; } = [];

    /// <summary>Files that were there and were left out.</summary>
    public IReadOnlyList<string> StrayFiles { get; init; } = [];

    /// <summary>Writes everything as one JSON object; an interval of a single combination is null.</summary>
    /// <param name="path">The file; replaced in one step where it exists.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void WriteJson(string path) => AtomicFile.Write(path, stream => JsonSerializer.Serialize(stream, new
    {
        Benchmark = "Concept101",
        Concept101.ClipTDefinition,
        CaptionRule = Metrics.CaptionRule.ToString(),
        Metrics.Images,
        Notes,
        Metrics = new
        {
            Dino = EvaluationReport.Estimate(Metrics.Dino),
            ClipI = EvaluationReport.Estimate(Metrics.ClipI),
            ClipT = EvaluationReport.Estimate(Metrics.ClipT),
        },
        Metrics.Models,
        Metrics.Combinations,
        Metrics.TruncatedCaptions,
        MissingFiles,
        StrayFiles,
    }, ReportOptions));

    /// <summary>
    /// Writes each combination's objects as a table with tabs, and the means in a last row, "mean"; what was not measured is empty. CLIP-T's column
    /// names its definition.
    /// </summary>
    /// <param name="path">The file; replaced in one step where it exists.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void WriteTsv(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        StringBuilder text = new("Combination\tConcept\tImages\tPhotos\tDino\tClipI\tClipT2.5Max0\n");
        foreach (Concept101CombinationMetrics combination in Metrics.Combinations)
            foreach (Concept101ObjectMetrics o in combination.Objects)
                Row(combination.Combination.ToString(CultureInfo.InvariantCulture), o.Concept, combination.Images,
                    o.Photos.ToString(CultureInfo.InvariantCulture), o.Dino, o.ClipI, combination.ClipT);
        Row("mean", "", Metrics.Images, "", Metrics.Dino?.Mean, Metrics.ClipI?.Mean, Metrics.ClipT?.Mean);
        AtomicFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text.ToString())));

        void Row(string combination, string concept, int images, string photos, params double?[] values)
        {
            text.Append(CultureInfo.InvariantCulture, $"{combination}\t{concept}\t{images}\t{photos}");
            foreach (double? value in values)
                text.Append(CultureInfo.InvariantCulture, $"\t{value:F6}");
            text.Append('\n');
        }
    }
}
