using System.Text.Json;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Tool.Compare;

/// <summary>What <c>evaluate</c> wrote: each image's subject and scores, by the metrics' names.</summary>
/// <param name="Path">The file.</param>
/// <param name="Setting">The setting.</param>
/// <param name="Models">The models by their roles, as hashes.</param>
/// <param name="Images">The images' subjects and scores, by name (or subject and prompt, where they have none).</param>
internal sealed record ScoreFile(
    string Path, string Setting, IReadOnlyDictionary<string, string> Models,
    IReadOnlyDictionary<string, (string Subject, IReadOnlyDictionary<string, double> Scores)> Images)
{
    /// <summary>The metrics, as the file names them.</summary>
    public static readonly string[] Metrics = ["dino", "clipI", "clipT", "patchQuality", "subjectSimilarity"];

    /// <summary>Reads a file, or a folder's scores.json.</summary>
    /// <exception cref="InputException">It is none that <c>evaluate</c> wrote.</exception>
    public static ScoreFile Read(string path)
    {
        if (Directory.Exists(path))
            path = System.IO.Path.Combine(path, "scores.json");
        if (!File.Exists(path))
            throw new InputException($"There is no file '{path}'; 'evaluate' writes one.");
        try
        {
            using FileStream stream = RegularFile.OpenRead(path, kind => new InputException($"'{path}': this is {kind}, not a file of scores."));
            using var json = JsonDocument.Parse(stream);
            JsonElement root = json.RootElement;
            return new ScoreFile(
                path, root.GetProperty("setting").GetString()!,
                root.GetProperty("models").EnumerateArray().ToDictionary(m => m.GetProperty("role").GetString()!, m => m.GetProperty("sha256").GetString()!),
                root.GetProperty("imageMetrics").EnumerateArray().ToDictionary(Name, i => (Text(i, "subject"), Scores(i)), StringComparer.Ordinal));
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or ArgumentException)
        {
            throw new InputException($"'{path}' is no file of scores that 'evaluate' of this version wrote: {e.Message}");
        }
    }

    private static string Name(JsonElement image) => image.GetProperty("name").GetString() ?? $"{Text(image, "subject")}/{Text(image, "prompt")}";

    private static string Text(JsonElement image, string property) => image.GetProperty(property).GetString()!;

    private static IReadOnlyDictionary<string, double> Scores(JsonElement image)
        => Metrics.Where(m => image.GetProperty(m).ValueKind == JsonValueKind.Number).ToDictionary(m => m, m => image.GetProperty(m).GetDouble());
}
