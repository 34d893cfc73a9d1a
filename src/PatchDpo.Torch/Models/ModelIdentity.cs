using System.Collections.ObjectModel;
using System.Security.Cryptography;
using System.Text;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Models;

/// <summary>Which model made data: its files, and what else decides what it does.</summary>
/// <param name="Model">What it is used for: "generator", "patch encoder", "CLIP".</param>
/// <param name="Files">Its weights, configurations and vocabularies, in the order of their paths.</param>
/// <param name="Settings">Choices beside the files, by name.</param>
public sealed record ModelIdentity(string Model, IReadOnlyList<ModelFile> Files, IReadOnlyDictionary<string, string> Settings)
{
    /// <summary>Hashes a model on the disk.</summary>
    /// <param name="model">What it is used for.</param>
    /// <param name="path">
    /// Its folder, read with all folders in it but for what desktops leave behind (<see cref="FolderFiles"/>), or its lone file. Checkpoints beside
    /// safetensors are not read, as loading does not read them.
    /// </param>
    /// <param name="settings">Choices beside the files, by name; null: none.</param>
    /// <exception cref="IOException">The path or a file cannot be read.</exception>
    public static ModelIdentity FromPath(string model, string path, IReadOnlyDictionary<string, string>? settings = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(model);
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new ModelIdentity(model, FilesOf(path), settings ?? ReadOnlyDictionary<string, string>.Empty);
    }

    /// <summary>Hashes a model in memory, for one that was trained or has no files of its own.</summary>
    /// <param name="model">What it is used for.</param>
    /// <param name="module">Its parameters and buffers.</param>
    /// <param name="settings">Choices beside the files, by name; null: none.</param>
    public static ModelIdentity FromModule(string model, nn.Module module, IReadOnlyDictionary<string, string>? settings = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(model);
        ArgumentNullException.ThrowIfNull(module);
        return new ModelIdentity(model, [new ModelFile("weights in memory", HashOf(module))], settings ?? ReadOnlyDictionary<string, string>.Empty);
    }

    /// <summary>The hashes of a folder's model files, or of a lone file's.</summary>
    /// <param name="path">The folder or file.</param>
    /// <param name="counts">Which of them count, by their names in the folder; null: all.</param>
    internal static ModelFile[] FilesOf(string path, Func<string, bool>? counts = null) => [.. ModelFingerprint.Files(path)
        .Where(f => counts is null || counts(f.Name)).Select(f => new ModelFile(
        f.Name, FileHash.Of(f.Path, kind => ModelFingerprint.NotAFile(f.Path, kind))))];

    /// <summary>SHA-256 over the keys, types, shapes and values of a module's parameters and buffers.</summary>
    internal static string HashOf(nn.Module module)
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
