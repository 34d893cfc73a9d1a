using System.Globalization;
using System.Security.Cryptography;
using PatchDpo.Torch.Models;

namespace PatchDpo.Torch.Personalization;

/// <summary>Which generator made data.</summary>
internal static class GeneratorIdentity
{
    private static readonly string[] NotEncoding = ["unet/", "scheduler/"];

    /// <summary>A generator as it is in memory: its folder's files, and the adapter layers in use, which may come from another file or from training.</summary>
    /// <param name="model">The generator.</param>
    /// <exception cref="IOException">A file of its folder cannot be read.</exception>
    public static ModelIdentity Of(PersonalizedModel model)
    {
        Dictionary<string, string> settings = new() { [nameof(model.AdapterScale)] = model.AdapterScale.ToString(CultureInfo.InvariantCulture),
            [nameof(model.DType)] = $"{model.DType}" };
        if (model.LoadOptions.Sampler is { } sampler)
            settings.Add(nameof(model.LoadOptions.Sampler), $"{sampler}");
        ModelFile[] trained = model.AdapterLayers.ImageProjection is { } projection
            ? [new ModelFile("image projection in memory", ModelIdentity.HashOf(projection))] : [];
        return new ModelIdentity(
            "generator", [.. Files(model), new ModelFile("adapter layers in memory", ModelIdentity.HashOf(model.AdapterLayers)), .. trained], settings);
    }

    /// <summary>A generator as training starts from it: its files, and the whole adapter in use. What decides how it samples does not count.</summary>
    /// <param name="model">The generator.</param>
    /// <exception cref="IOException">A file of its folder cannot be read.</exception>
    public static ModelIdentity ForTraining(PersonalizedModel model) => WithAdapter(model, Files(model));

    /// <summary>A generator as what it encodes depends on it: all but its network and the samplers' numbers.</summary>
    /// <param name="model">The generator.</param>
    /// <exception cref="IOException">A file of its folder cannot be read.</exception>
    public static ModelIdentity ForEncoding(PersonalizedModel model)
        => WithAdapter(model, Files(model, file => !NotEncoding.Any(folder => file.StartsWith(folder, StringComparison.Ordinal))));

    private static ModelIdentity WithAdapter(PersonalizedModel model, IEnumerable<ModelFile> files)
    {
        using var sha = SHA256.Create();
        using (CryptoStream stream = new(Stream.Null, sha, CryptoStreamMode.Write))
            model.SaveAdapter(stream);
        return new ModelIdentity("generator", [.. files, new ModelFile("adapter in memory", Convert.ToHexStringLower(sha.Hash!))],
            new Dictionary<string, string> { [nameof(model.DType)] = $"{model.DType}" });
    }

    private static IEnumerable<ModelFile> Files(PersonalizedModel model, Func<string, bool>? counts = null) =>
    [
        .. ModelIdentity.FilesOf(model.FolderPath, counts), .. Elsewhere("image encoder", model.LoadOptions.ImageEncoderPath),
        .. Elsewhere("tokenizer", model.LoadOptions.TokenizerPath),
    ];

    // A part that does not lie in the model's folder.
    private static IEnumerable<ModelFile> Elsewhere(string part, string? path)
        => path is null ? [] : ModelIdentity.FilesOf(path).Select(f => f with { File = $"{part}/{f.File}" });
}
