using System.Globalization;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>Which generator made data.</summary>
internal static class GeneratorIdentity
{
    /// <summary>A generator as it is in memory: its folder's files, and the adapter layers in use, which may come from another file or from training.</summary>
    /// <param name="model">The generator.</param>
    /// <exception cref="IOException">A file of its folder cannot be read.</exception>
    public static ModelIdentity Of(PersonalizedModel model)
    {
        Dictionary<string, string> settings = new() { [nameof(model.AdapterScale)] = model.AdapterScale.ToString(CultureInfo.InvariantCulture),
            [nameof(model.DType)] = $"{model.DType}" };
        if (model.LoadOptions.Sampler is { } sampler)
            settings.Add(nameof(model.LoadOptions.Sampler), $"{sampler}");
        return new ModelIdentity(
            "generator",
            [
                .. ModelIdentity.FilesOf(model.FolderPath), .. Elsewhere("image encoder", model.LoadOptions.ImageEncoderPath),
                    .. Elsewhere("tokenizer", model.LoadOptions.TokenizerPath),
                new ModelFile("adapter layers in memory", ModelIdentity.HashOf(model.AdapterLayers)),
            ],
            settings);
    }

    // A part that does not lie in the model's folder.
    private static IEnumerable<ModelFile> Elsewhere(string part, string? path)
        => path is null ? [] : ModelIdentity.FilesOf(path).Select(f => f with { File = $"{part}/{f.File}" });
}
