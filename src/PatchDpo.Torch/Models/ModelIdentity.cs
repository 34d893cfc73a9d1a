using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using PatchDpo.Torch.DataConstruction;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Personalization;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Models;

/// <summary>Which model made data: its files, and what else decides what it does.</summary>
/// <param name="Model">What it is used for: "generator", "patch encoder", "CLIP".</param>
/// <param name="Files">Its weights, configurations and vocabularies, in the order of their paths.</param>
/// <param name="Settings">Choices beside the files, by name.</param>
public sealed record ModelIdentity(string Model, IReadOnlyList<ModelFile> Files, IReadOnlyDictionary<string, string> Settings)
{
    private static readonly string[] s_checkpoints = [".bin", ".pt", ".pth", ".th"];
    private static readonly string[] s_extensions = [".safetensors", ".json", ".txt", .. s_checkpoints];

    /// <summary>Hashes a model on the disk.</summary>
    /// <param name="model">What it is used for.</param>
    /// <param name="path">
    /// Its folder, read with all folders in it but for what desktops leave behind (<see cref="FolderFiles"/>), or its lone file. Checkpoints beside
    /// safetensors are not read, as loading does not read them.
    /// </param>
    /// <param name="options">How an encoder is read, where it was opened with options.</param>
    /// <exception cref="IOException">The path or a file cannot be read.</exception>
    public static ModelIdentity FromPath(string model, string path, VisionEncoderOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(model);
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new ModelIdentity(model, FilesOf(path), SettingsOf(options));
    }

    /// <summary>Hashes a model in memory, for one that was trained or has no files of its own.</summary>
    /// <param name="model">What it is used for.</param>
    /// <param name="module">Its parameters and buffers.</param>
    /// <param name="options">How an encoder is read, where it was opened with options.</param>
    public static ModelIdentity FromModule(string model, nn.Module module, VisionEncoderOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(model);
        ArgumentNullException.ThrowIfNull(module);
        return new ModelIdentity(model, [new ModelFile("weights in memory", HashOf(module))], SettingsOf(options));
    }

    /// <summary>A generator as it is in memory: its folder's files, and the adapter layers in use, which may come from another file or from training.</summary>
    /// <param name="model">The generator.</param>
    /// <exception cref="IOException">A file of its folder cannot be read.</exception>
    internal static ModelIdentity Of(PersonalizedModel model)
    {
        Dictionary<string, string> settings = new() { [nameof(model.AdapterScale)] = model.AdapterScale.ToString(CultureInfo.InvariantCulture),
            [nameof(model.DType)] = $"{model.DType}" };
        if (model.LoadOptions.Sampler is { } sampler)
            settings.Add(nameof(model.LoadOptions.Sampler), $"{sampler}");
        return new ModelIdentity(
            "generator",
            [
                .. FilesOf(model.FolderPath), .. Elsewhere("image encoder", model.LoadOptions.ImageEncoderPath),
                    .. Elsewhere("tokenizer", model.LoadOptions.TokenizerPath),
                new ModelFile("adapter layers in memory", HashOf(model.AdapterLayers)),
            ],
            settings);
    }

    // A part that does not lie in the model's folder.
    private static IEnumerable<ModelFile> Elsewhere(string part, string? path)
        => path is null ? [] : FilesOf(path).Select(f => f with { File = $"{part}/{f.File}" });

    private static ModelFile[] FilesOf(string path)
    {
        if (File.Exists(path))
            return [new ModelFile(Path.GetFileName(path), Hash(path))];
        string[] files = [.. FolderFiles.Files(path, recursive: true).Where(f => HasExtension(f, s_extensions))];
        HashSet<string> safe = [.. files.Where(f => HasExtension(f, [".safetensors"])).Select(f => Path.GetDirectoryName(f)!)];
        return
        [
            .. files.Where(f => !HasExtension(f, s_checkpoints) || !safe.Contains(Path.GetDirectoryName(f)!))
                .Select(f => (Name: Path.GetRelativePath(path, f).Replace(Path.DirectorySeparatorChar, '/'), Path: f))
                .OrderBy(f => f.Name, StringComparer.Ordinal)
                .Select(f => new ModelFile(f.Name, Hash(f.Path))),
        ];
    }

    private static string Hash(string path) => FileHash.Of(path, kind => new WeightsFormatException(path, null, $"this is {kind}, not a model's file."));

    private static IReadOnlyDictionary<string, string> SettingsOf(VisionEncoderOptions? options)
        => options is null ? new Dictionary<string, string>() : PairSettings.Of(options);

    private static bool HasExtension(string file, string[] extensions) => extensions.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase);

    private static string HashOf(nn.Module module)
    {
        using DisposeScope scope = NewDisposeScope();
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach ((string key, Tensor value) in module.state_dict().OrderBy(e => e.Key, StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{key}\0{value.dtype}\0{string.Join(',', value.shape)}\0"));
            TensorBytes.WriteTo(value.detach().cpu().contiguous(), hash.AppendData);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
