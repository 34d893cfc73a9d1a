using System.Globalization;
using System.Text;
using System.Text.Json;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Evaluation;

/// <summary>Metrics as files, for people and for other programs.</summary>
/// <param name="Metrics">What was measured.</param>
public sealed record EvaluationReport(PersonalizationMetrics Metrics)
{
    private static readonly JsonSerializerOptions ReportOptions = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    /// <summary>What a reader of the figures must know, such as that they compare with nothing else.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>The generated images' names, in the rows' order; empty where they have none.</summary>
    public IReadOnlyList<string> ImageNames { get; init; } = [];

    /// <summary>Where the images and their photos lie, in the rows' order, for pages with pictures; empty where they lie nowhere.</summary>
    public IReadOnlyList<EvaluatedFiles> Files { get; init; } = [];

    /// <summary>Files that should have been evaluated and were not there.</summary>
    public IReadOnlyList<string> MissingFiles { get; init; } = [];

    /// <summary>Files that were there and were left out.</summary>
    public IReadOnlyList<string> StrayFiles { get; init; } = [];

    /// <summary>Loads the row at a place from its files; null where there are none.</summary>
    internal Func<int, EvaluationRow>? Rows
        => Files.Count == 0 ? null : place => Files[place].Load(Metrics.ImageMetrics[place].Subject, Metrics.ImageMetrics[place].Prompt);

    /// <summary>What people call the image at a place: its name, or its subject and prompt.</summary>
    internal string NameOf(int place)
        => ImageNames.ElementAtOrDefault(place) ?? $"{Metrics.ImageMetrics[place].Subject}/{Metrics.ImageMetrics[place].Prompt}";

    /// <summary>Reads what <see cref="WriteJson"/> wrote.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="RecordFileException">It is none that this version wrote.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static EvaluationReport ReadJson(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return EvaluationReportReader.Read(path);
    }

    /// <summary>Writes everything as one JSON object; an interval of a single image is null, and files are named from the JSON file's folder on.</summary>
    /// <param name="path">The file; replaced in one step where it exists.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void WriteJson(string path)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        AtomicFile.Write(path, stream => JsonSerializer.Serialize(stream, Record(file => Path.GetRelativePath(folder, file)), ReportOptions));
    }

    /// <summary>Writes the subjects' means as a table with tabs, and their means in a last row, "mean"; what was not measured is empty.</summary>
    /// <param name="path">The file; replaced in one step where it exists.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void WriteTsv(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        StringBuilder text = new("Setting\tSubject\tImages\tPairs\tDino\tClipI\tClipT\tPatchQuality\tSubjectSimilarity\n");
        foreach (SubjectMetrics s in Metrics.Subjects)
            Row(s.Subject, s.Images, s.Pairs, s.Dino, s.ClipI, s.ClipT, s.PatchQuality, s.SubjectSimilarity);
        Row("mean", Metrics.Images, Metrics.Pairs, Metrics.Dino?.Mean, Metrics.ClipI?.Mean, Metrics.ClipT?.Mean, Metrics.PatchQuality?.Mean,
            Metrics.SubjectSimilarity?.Mean);
        AtomicFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text.ToString())));

        void Row(string subject, int images, int pairs, params double?[] values)
        {
            text.Append(CultureInfo.InvariantCulture, $"{Metrics.Setting}\t{subject}\t{images}\t{pairs}");
            foreach (double? value in values)
                text.Append(CultureInfo.InvariantCulture, $"\t{value:F6}");
            text.Append('\n');
        }
    }

    private object Record(Func<string, string> relative)
    {
        return new
        {
            Setting = Metrics.Setting.ToString(),
            Metrics.Images,
            Metrics.Pairs,
            Metrics.GenerationSeed,
            Notes,
            Metrics = new
            {
                Dino = Estimate(Metrics.Dino),
                ClipI = Estimate(Metrics.ClipI),
                ClipT = Estimate(Metrics.ClipT),
                PatchQuality = Estimate(Metrics.PatchQuality),
                SubjectSimilarity = Estimate(Metrics.SubjectSimilarity),
            },
            Metrics.Models,
            Metrics.IntervalsOver,
            Metrics.Subjects,
            ImageMetrics = Metrics.ImageMetrics.Select((m, i) => new
            {
                Name = ImageNames.ElementAtOrDefault(i),
                m.Subject,
                m.Prompt,
                m.References,
                m.Dino,
                m.ClipI,
                m.ClipT,
                m.PatchQuality,
                m.SubjectSimilarity,
                File = Relative(Files.ElementAtOrDefault(i)?.Image),
                Photos = Files.ElementAtOrDefault(i)?.Photos.Select(Relative),
                Mask = Relative(Files.ElementAtOrDefault(i)?.Mask),
                PhotoMasks = Files.ElementAtOrDefault(i)?.PhotoMasks.Select(Relative),
                Files.ElementAtOrDefault(i)?.IgnorePlainBackground,
            }),
            Metrics.TruncatedPrompts,
            MissingFiles,
            StrayFiles,
        };

        string? Relative(string? file) => file is null ? null : relative(file).Replace(Path.DirectorySeparatorChar, '/');
    }

    internal static object? Estimate(MetricEstimate? estimate)
        => estimate is null ? null : new { estimate.Mean, Lower = Finite(estimate.Lower), Upper = Finite(estimate.Upper) };

    // JSON has no NaN.
    private static double? Finite(double value) => double.IsFinite(value) ? value : null;
}
