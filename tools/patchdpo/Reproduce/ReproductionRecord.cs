using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using PatchDpo.Tool.Evaluate;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Training;

namespace PatchDpo.Tool.Reproduce;

/// <summary>All that decides a reproduction's figures: two with equal records give the same table.</summary>
/// <param name="Settings">The choices, by name.</param>
/// <param name="Models">The models and the photos, with a SHA-256 over their files' names and contents.</param>
internal sealed record ReproductionRecord(IReadOnlyDictionary<string, string> Settings, IReadOnlyList<EvaluationModel> Models)
{
    private const string FileName = "settings.json";

    private static readonly JsonSerializerOptions Format = new() { WriteIndented = true };

    /// <summary>That of settings.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="images">The images that are drawn, whose photos count.</param>
    public static ReproductionRecord Of(ReproductionSettings settings, IEnumerable<ProductImage> images)
    {
        (string generator, PatchDpoTrainerOptions training, WeightMapOptions weights) =
            (ModelPath.Generator(settings.DataSet.Model), settings.Training, settings.Training.Weights);
        List<EvaluationModel> models = [Fingerprint("generator", generator)];
        foreach ((string role, string? path) in new[]
        {
            ("adapter", settings.DataSet.Loading.AdapterPath), ("image encoder", settings.DataSet.Loading.ImageEncoderPath),
            ("tokenizer", settings.DataSet.Loading.TokenizerPath), ("patch encoder", settings.DataSet.Encoder.Path), ("DINO", settings.Dino),
            ("CLIP", settings.Clip), ("data set's prompts", settings.DataSet.Prompts == Build.DataSetBuild.BuiltInPrompts ? null : settings.DataSet.Prompts),
        })
            if (path is not null)
                models.Add(Fingerprint(role, path));
        models.Add(new EvaluationModel("photos", "DreamBench", Sha256(images.SelectMany(i => i.Photos).Distinct().Order(StringComparer.Ordinal)
            .Select(p => $"{Path.GetFileName(Path.GetDirectoryName(p))}/{Path.GetFileName(p)}\0{Sha256(p)}"))));
        // In the table's order.
        (string Name, object? Value)[] all =
        [
            ("seed", settings.Drawing.Seed), ("number type", settings.DataSet.Loading.DType), ("adapter family", settings.DataSet.Loading.AdapterFamily),
            ("scheduler", settings.DataSet.Loading.Sampler),
            ("patch encoder's stages", settings.DataSet.Encoder.Options.PatchStages is { } stages ? string.Join(' ', stages) : null),
            ("patch encoder's patch", settings.DataSet.Encoder.Options.PatchSize), ("patch encoder's size", settings.DataSet.Encoder.Options.ImageSize),
            ("references", settings.DataSet.References), ("generations of a reference", settings.DataSet.Generations),
            ("data set's sampling steps", settings.DataSet.Steps),
            ("training steps", training.MaxSteps), ("pairs in a batch", training.BatchSize), ("batches in a step", training.GradientAccumulation),
            ("learning rate", training.LearningRate), ("weights", weights.Kind), ("contrast of weights", weights.Contrast),
            ("subjects", string.Join(' ', settings.Subjects.Select(s => s.Name))), ("prompts of a subject", settings.Prompts),
            ("sampling steps", settings.Drawing.Steps), ("guidance", settings.Drawing.GuidanceScale), ("negative prompt", settings.Drawing.NegativePrompt),
            ("images in a batch", settings.Drawing.BatchSize),
        ];
        return new ReproductionRecord(
            all.Where(s => s.Value is not null).ToDictionary(s => s.Name, s => Convert.ToString(s.Value, CultureInfo.InvariantCulture)!), models);
    }

    /// <summary>Begins a folder with this record, or checks that it was begun so.</summary>
    /// <exception cref="InputException">The folder was begun with another record, or holds something else in its place.</exception>
    public void Begin(string folder)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            Directory.CreateDirectory(folder);
            AtomicFile.Write(path, stream => JsonSerializer.Serialize(stream, this, Format));
            return;
        }
        Dictionary<string, string> before = Read(path).All(), now = All();
        string[] changes =
        [
            .. before.Keys.Union(now.Keys).Where(k => before.GetValueOrDefault(k) != now.GetValueOrDefault(k))
                .Select(k => $"{k}: {before.GetValueOrDefault(k, "none")}, now {now.GetValueOrDefault(k, "none")}"),
        ];
        if (changes.Length > 0)
        {
            throw new InputException($"'{folder}' was begun otherwise ({string.Join("; ", changes)}). Give the same options and models, or another --output.");
        }
    }

    /// <summary>Keeps other processes out of a folder that was begun, until it is disposed or the process ends.</summary>
    /// <exception cref="IOException">Another process holds it.</exception>
    public static FileStream Hold(string folder)
    {
        try
        {
            return new FileStream(Path.Combine(folder, FileName), FileMode.Open, FileAccess.Read, FileShare.None);
        }
        catch (IOException e)
        {
            throw new IOException($"Another process works in '{folder}' at this moment. Wait until it is done, or choose another --output.", e);
        }
    }

    private static ReproductionRecord Read(string path)
    {
        try
        {
            using FileStream stream = RegularFile.OpenRead(path, kind => new InputException($"'{path}': this is {kind}, not the record of a reproduction."));
            if (JsonSerializer.Deserialize<ReproductionRecord>(stream) is { Settings: not null, Models: not null } record)
                return record;
        }
        catch (JsonException e)
        {
            throw new InputException($"'{path}' is no record of a reproduction: {e.Message}", e);
        }
        throw new InputException($"'{path}' is no record of a reproduction: it lacks settings or models.");
    }

    private Dictionary<string, string> All()
    {
        Dictionary<string, string> all = new(Settings);
        foreach (EvaluationModel model in Models)
            all[$"SHA-256 of {model.Role}"] = model.Sha256;
        return all;
    }

    private static EvaluationModel Fingerprint(string role, string path)
    {
        IReadOnlyList<ModelFile> files = ModelIdentity.FromPath(role, path).Files;
        // A lone file is named by the hash that everyone gets for it.
        return new EvaluationModel(role, Path.GetFileName(Path.TrimEndingDirectorySeparator(path)),
            File.Exists(path) ? files[0].Sha256 : Sha256(files.Select(f => $"{f.File}\0{f.Sha256}")));
    }

    private static string Sha256(IEnumerable<string> lines) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', lines))));

    private static string Sha256(string path)
    {
        using FileStream stream = RegularFile.OpenRead(path, kind => new InputException($"'{path}': this is {kind}, not a photo."));
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
