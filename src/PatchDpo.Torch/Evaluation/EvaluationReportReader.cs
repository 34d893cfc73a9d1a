using System.Text.Json;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Evaluation;

/// <summary>Reads the JSON of an <see cref="EvaluationReport"/>.</summary>
internal static class EvaluationReportReader
{
    /// <summary>Reads a file.</summary>
    public static EvaluationReport Read(string path)
    {
        using FileStream stream = RegularFile.OpenRead(path, kind => new RecordFileException(path, null, $"this is {kind}, not a file of scores."));
        try
        {
            using var json = JsonDocument.Parse(stream);
            return Report(json.RootElement, Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or ArgumentException or FormatException)
        {
            throw new RecordFileException(path, null, $"this is no file of scores that this version wrote: {e.Message}", e);
        }
    }

    private static EvaluationReport Report(JsonElement root, string folder)
    {
        JsonElement[] images = [.. root.GetProperty("imageMetrics").EnumerateArray()];
        string[] names = [.. images.Select(i => i.GetProperty("name").GetString()).OfType<string>()];
        return new EvaluationReport(Metrics(root, images))
        {
            Notes = Texts(root, "notes"),
            ImageNames = names.Length < images.Length ? [] : names,
            // Files of before this version have none.
            Files = images.All(i => i.TryGetProperty("file", out JsonElement file) && file.ValueKind == JsonValueKind.String)
                ? [.. images.Select(i => Files(i, folder))] : [],
            MissingFiles = Texts(root, "missingFiles"),
            StrayFiles = Texts(root, "strayFiles"),
        };
    }

    private static PersonalizationMetrics Metrics(JsonElement root, JsonElement[] images)
    {
        JsonElement means = root.GetProperty("metrics");
        return new PersonalizationMetrics(
            Enum.Parse<DreamBenchSetting>(Text(root, "setting")), root.GetProperty("images").GetInt32(), root.GetProperty("pairs").GetInt32(),
            Estimate(means, "dino"), Estimate(means, "clipI"), Estimate(means, "clipT"), Estimate(means, "patchQuality"),
            [.. root.GetProperty("subjects").EnumerateArray().Select(Subject)],
            [.. root.GetProperty("models").EnumerateArray().Select(m => new EvaluationModel(Text(m, "role"), Text(m, "name"), Text(m, "sha256")))],
            root.GetProperty("generationSeed").ValueKind == JsonValueKind.Null ? null : root.GetProperty("generationSeed").GetInt32())
        {
            SubjectSimilarity = Estimate(means, "subjectSimilarity"),
            ImageMetrics = [.. images.Select(Image)],
        };
    }

    private static SubjectMetrics Subject(JsonElement json) => new(
        Text(json, "subject"), json.GetProperty("images").GetInt32(), json.GetProperty("pairs").GetInt32(), Number(json, "dino"), Number(json, "clipI"),
        Number(json, "clipT"), Number(json, "patchQuality"))
    {
        SubjectSimilarity = Number(json, "subjectSimilarity"),
    };

    private static ImageMetrics Image(JsonElement json, int place) => new(
        place, Text(json, "subject"), Text(json, "prompt"), json.GetProperty("references").GetInt32(), Number(json, "dino"), Number(json, "clipI"),
        Number(json, "clipT"), Number(json, "patchQuality"), Number(json, "subjectSimilarity"));

    private static EvaluatedFiles Files(JsonElement json, string folder)
    {
        return new EvaluatedFiles(Full(json.GetProperty("file"))!, [.. json.GetProperty("photos").EnumerateArray().Select(p => Full(p)!)])
        {
            Mask = Full(json.GetProperty("mask")),
            IgnorePlainBackground = json.GetProperty("ignorePlainBackground").GetBoolean(),
            PhotoMasks = [.. json.GetProperty("photoMasks").EnumerateArray().Select(Full)],
        };

        string? Full(JsonElement file) => file.GetString() is string relative ? Path.GetFullPath(relative, folder) : null;
    }

    private static MetricEstimate? Estimate(JsonElement json, string name) => json.GetProperty(name) is { ValueKind: not JsonValueKind.Null } found
        ? new MetricEstimate(found.GetProperty("mean").GetDouble(), Number(found, "lower") ?? double.NaN, Number(found, "upper") ?? double.NaN) : null;

    private static double? Number(JsonElement json, string name) => json.GetProperty(name) is { ValueKind: JsonValueKind.Number } found ? found.GetDouble() : null;

    private static string Text(JsonElement json, string name) => json.GetProperty(name).GetString() ?? throw new FormatException($"'{name}' is null.");

    private static string[] Texts(JsonElement json, string name) => [.. json.GetProperty(name).EnumerateArray().Select(t => t.GetString() ?? "")];
}
