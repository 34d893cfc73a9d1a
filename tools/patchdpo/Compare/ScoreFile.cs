using System.Text.Json;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Tool.Compare;

/// <summary>What <c>evaluate</c> wrote: each subject's means and each image's scores, by the metrics' names.</summary>
/// <param name="Path">The file.</param>
/// <param name="Setting">The setting.</param>
/// <param name="Models">The models by their roles, as hashes.</param>
/// <param name="Subjects">The subjects' means.</param>
/// <param name="Images">The images' scores, by subject and name (or prompt, where they have none).</param>
internal sealed record ScoreFile(
    string Path, string Setting, IReadOnlyDictionary<string, string> Models, IReadOnlyDictionary<string, IReadOnlyDictionary<string, double>> Subjects,
    IReadOnlyDictionary<string, IReadOnlyDictionary<string, double>> Images)
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
                Rows(root.GetProperty("subjects"), s => s.GetProperty("subject").GetString()!),
                Rows(root.GetProperty("imageMetrics"), i => i.GetProperty("name").GetString()
                    ?? $"{i.GetProperty("subject").GetString()}/{i.GetProperty("prompt").GetString()}"));
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or ArgumentException)
        {
            throw new InputException($"'{path}' is no file of scores that 'evaluate' of this version wrote: {e.Message}");
        }
    }

    private static Dictionary<string, IReadOnlyDictionary<string, double>> Rows(JsonElement list, Func<JsonElement, string> name) => list.EnumerateArray()
        .ToDictionary(name, e => (IReadOnlyDictionary<string, double>)Metrics.Where(m => e.GetProperty(m).ValueKind == JsonValueKind.Number)
            .ToDictionary(m => m, m => e.GetProperty(m).GetDouble()), StringComparer.Ordinal);
}
