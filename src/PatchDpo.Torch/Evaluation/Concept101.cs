using System.Globalization;
using System.Text.Json;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.Evaluation;

/// <summary>
/// Concept101 with several objects, as MIP-Adapter evaluates it: combinations of objects, their prompts, and how references are cut out. The data set's
/// files are the user's: nothing of them is part of this library.
/// </summary>
/// <remarks>
/// adobe-research/custom-diffusion, customconcept101 (Adobe Research License, noncommercial research only); the evaluation is hqhQAQ/MIP-Adapter's.
/// Layout: <c>dataset_multiconcept.json</c>, the prompt files that it names, <c>benchmark_dataset/{concept}</c> with the photos.
/// </remarks>
public static class Concept101
{
    /// <summary>The file that lists the combinations.</summary>
    public const string ListName = "dataset_multiconcept.json";

    /// <summary>What CLIP-T means here; DreamBench's is the bare cosine, so that the two do not compare.</summary>
    public const string ClipTDefinition = "CLIP-T = mean of 2.5 max(cos, 0) of picture and caption (MIP-Adapter's evaluation of Concept101)";

    /// <summary>CLIPScore's weight, which MIP-Adapter's evaluation has.</summary>
    internal const double ClipTWeight = 2.5;

    /// <summary>The shorter side that a photo is brought to before its box is cut out, in pixels.</summary>
    internal const int BoxSide = 800;

    /// <summary>The side of a cut-out reference, in pixels.</summary>
    internal const int ReferenceSide = 224;

    private const string PhotosFolder = "benchmark_dataset";

    // As the official scripts list them: case counts.
    internal static readonly string[] Endings = [".png", ".jpg", ".jpeg", ".tiff", ".JPG"];

    /// <summary>Reads the combinations of a data set.</summary>
    /// <param name="folder">The data set's folder.</param>
    /// <exception cref="BenchmarkDataException">The list or a prompt file is missing or is not as it should be.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static IReadOnlyList<Concept101Combination> Read(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        string list = Path.Combine(folder, ListName);
        using JsonDocument document = ReadJson(list);
        if (document.RootElement.ValueKind != JsonValueKind.Array || document.RootElement.GetArrayLength() == 0)
            throw new BenchmarkDataException(list, null, "this is no list of combinations.");
        return [.. document.RootElement.EnumerateArray().Select((item, i) => ReadCombination(folder, list, item, i))];
    }

    /// <summary>The photos of a combination's object, by the official rule: those that end in .png, .jpg, .jpeg, .tiff or .JPG, in the order of their names.</summary>
    /// <param name="folder">The data set's folder.</param>
    /// <param name="subject">The object.</param>
    /// <exception cref="BenchmarkDataException">There is none.</exception>
    public static IReadOnlyList<string> Photos(string folder, Concept101Object subject)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentNullException.ThrowIfNull(subject);
        string photos = Path.Combine(folder, PhotosFolder, subject.Concept);
        string[] found = Directory.Exists(photos) ? [.. FolderFiles.Files(photos).Where(HasEnding)] : [];
        return found.Length > 0 ? found : throw new BenchmarkDataException(photos, null, $"there is no photo of '{subject.Concept}' here.");
    }

    /// <summary>The caption that the official evaluation makes of a generation's file name: the text before its first dot, and a dot.</summary>
    /// <param name="fileName">The name, as <c>a cat beside a dog._gen.png</c>.</param>
    public static string OfficialCaption(string fileName)
    {
        ArgumentNullException.ThrowIfNull(fileName);
        return fileName.Split('.')[0] + ".";
    }

    /// <summary>Whether the official evaluation takes a file for a generation: by its ending, and "gen" in its name.</summary>
    /// <param name="fileName">The name.</param>
    public static bool IsGeneration(string fileName)
    {
        ArgumentNullException.ThrowIfNull(fileName);
        return HasEnding(fileName) && fileName.Contains("gen", StringComparison.Ordinal);
    }

    /// <summary>The reference that MIP-Adapter's evaluation makes of a photo: its box, padded to a white square of 224 pixels.</summary>
    /// <param name="photo">The photo.</param>
    /// <param name="box">Left, top, right, bottom in pixels of the photo resized to a shorter side of 800 (<c>mask[1].box</c> of its annotation).</param>
    /// <exception cref="ArgumentException">There are not four finite values, or the box has no area.</exception>
    /// <remarks>data/concept101_dataset.py: bilinear, coordinates truncated; what lies outside the photo is black.</remarks>
    public static ImageBuffer CutOut(ImageBuffer photo, ReadOnlySpan<double> box)
    {
        ArgumentNullException.ThrowIfNull(photo);
        if (box.Length != 4)
            throw new ArgumentException($"A box has 4 values, not {box.Length}.", nameof(box));
        Span<int> edges = stackalloc int[4];
        for (int i = 0; i < 4; i++)
            edges[i] = double.IsFinite(box[i]) ? (int)box[i] : throw new ArgumentException($"Value {i} of the box is {box[i]}.", nameof(box));
        if (edges[2] <= edges[0] || edges[3] <= edges[1])
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"The box from ({edges[0]}, {edges[1]}) to ({edges[2]}, {edges[3]}) has no area."), nameof(box));
        bool isWide = photo.Width > photo.Height;
        int width = isWide ? (int)((double)BoxSide * photo.Width / photo.Height) : BoxSide;
        int height = isWide ? BoxSide : (int)((double)BoxSide * photo.Height / photo.Width);
        return PillowResize.Resize(photo.ToRgb(), width, height, ResampleFilter.Bilinear)
            .Crop(edges[0], edges[1], edges[2] - edges[0], edges[3] - edges[1]).FitInWhiteSquare(ReferenceSide);
    }

    private static bool HasEnding(string path) => Endings.Any(e => path.EndsWith(e, StringComparison.Ordinal));

    private static JsonDocument ReadJson(string path)
    {
        if (!File.Exists(path))
            throw new BenchmarkDataException(path, null, "there is no such file; give the folder of customconcept101 that holds it.");
        try
        {
            return JsonDocument.Parse(File.ReadAllText(path));
        }
        catch (JsonException e)
        {
            throw new BenchmarkDataException(path, null, $"not valid JSON: {e.Message}", e);
        }
    }

    private static Concept101Combination ReadCombination(string folder, string list, JsonElement item, int index)
    {
        string place = $"combination {index}";
        if (item.ValueKind != JsonValueKind.Array || item.GetArrayLength() < 2)
            throw new BenchmarkDataException(list, place, "a list of objects with a prompt file at its end is expected.");
        JsonElement[] parts = [.. item.EnumerateArray()];
        Concept101Object[] objects =
        [
            .. parts[..^1].Select(p => new Concept101Object(
                Text(p, "class_prompt"), Inside(Text(p, "instance_data_dir").Split('/', '\\')[^1], "instance_data_dir"))),
        ];
        string file = Path.Combine(folder, Inside(Text(parts[^1], "prompt_filename_compose"), "prompt_filename_compose"));
        if (!File.Exists(file))
            throw new BenchmarkDataException(list, place, $"there is no prompt file '{file}'.");
        // A prompt keeps its blanks: file names have them.
        string[] prompts = [.. File.ReadAllLines(file).Where(l => l.Length > 0).Select(Filled).Distinct(StringComparer.Ordinal)];
        return prompts.Length > 0 ? new Concept101Combination(index, objects, prompts) : throw new BenchmarkDataException(file, null, "there is no prompt.");

        string Filled(string line) => objects.Select((o, i) => (Place: $"{{{i.ToString(CultureInfo.InvariantCulture)}}}", o.Name))
            .Aggregate(line, (text, o) => text.Replace(o.Place, o.Name, StringComparison.Ordinal));

        string Text(JsonElement part, string field)
            => part.ValueKind == JsonValueKind.Object && part.TryGetProperty(field, out JsonElement value) && value.ValueKind == JsonValueKind.String
                && value.GetString() is { Length: > 0 } text
                ? text : throw new BenchmarkDataException(list, place, $"the text '{field}' is missing.");

        // A list from a stranger names nothing outside the data set.
        string Inside(string path, string field) => !Path.IsPathRooted(path) && !path.Split('/', '\\').Contains("..") && path.Length > 0
            ? path : throw new BenchmarkDataException(list, place, $"'{field}' leads out of the data set: '{path}'.");
    }
}
