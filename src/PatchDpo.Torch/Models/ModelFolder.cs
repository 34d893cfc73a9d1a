using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Pickle;
using PatchDpo.Torch.Weights.Safetensors;
using PatchDpo.Torch.Weights.Sharded;

namespace PatchDpo.Torch.Models;

/// <summary>Finds the files of a model folder.</summary>
public static class ModelFolder
{
    // transformers' and diffusers' names. Each stem: one file before shards, safetensors before checkpoints, full precision before fp16.
    private static readonly string[] WeightNames =
    [
        "model.safetensors", "model.safetensors.index.json",
        "diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.safetensors.index.json",
        "pytorch_model.bin", "pytorch_model.bin.index.json",
        "diffusion_pytorch_model.bin", "diffusion_pytorch_model.bin.index.json",
        "model.fp16.safetensors", "model.safetensors.index.fp16.json",
        "diffusion_pytorch_model.fp16.safetensors", "diffusion_pytorch_model.safetensors.index.fp16.json",
    ];

    /// <summary>The first of the candidates that the folder has.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="candidates">
    /// File names, best first; none means the usual names of weights (safetensors, its index of shards, .bin, then fp16), or the folder's only file
    /// of weights under another name (.safetensors, .bin, .pt, .pth, .th).
    /// </param>
    /// <returns>The file's path.</returns>
    /// <exception cref="ModelFileNotFoundException">The folder or all of the candidates are missing.</exception>
    public static string RequireFile(string folder, params string[] candidates)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentNullException.ThrowIfNull(candidates);
        string[] names = candidates.Length == 0 ? WeightNames : candidates;
        foreach (string name in names)
        {
            string path = Path.Combine(folder, name);
            if (File.Exists(path))
                return path;
        }
        if (candidates.Length > 0)
            throw new ModelFileNotFoundException(folder, names);
        string[] others = Directory.Exists(folder)
            ? [.. FolderFiles.Files(folder).Where(WeightsFile.HasExtension)]
            : [];
        return others.Length == 1 ? others[0]
            : throw new ModelFileNotFoundException(folder, [.. names, .. WeightsFile.Extensions.Select(e => $"a single *{e}")]);
    }

    /// <summary>Opens a model's weights: <c>model</c> or <c>diffusion_pytorch_model</c>, in one file or in shards.</summary>
    /// <remarks>
    /// As transformers and diffusers look for them: safetensors before a PyTorch checkpoint (<c>pytorch_model.bin</c>), the variant
    /// <c>fp16</c> only where there is no other. Keys come without what training puts before or into all of them, as
    /// <see cref="StateDictLoader"/> takes it off.
    /// </remarks>
    /// <param name="folder">The model's folder.</param>
    /// <param name="safetensors">How safetensors files are opened; null for the defaults.</param>
    /// <returns>The open file; the caller disposes it.</returns>
    /// <exception cref="ModelFileNotFoundException">The folder has no weights, or a shard is missing.</exception>
    /// <exception cref="WeightsFormatException">A file breaks its format.</exception>
    /// <exception cref="UnsafePickleException">A checkpoint asks for something that is not a tensor or plain data.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static ITensorFile OpenWeights(string folder, SafetensorsOptions? safetensors = null) => WeightsFile.OpenStateDict(RequireFile(folder), safetensors);

    /// <summary>The files that <see cref="OpenWeights"/> reads values from: one, or all shards in the order of their names.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <exception cref="ModelFileNotFoundException">The folder has no weights, or a shard is missing.</exception>
    /// <exception cref="WeightsFormatException">A file breaks its format.</exception>
    /// <exception cref="UnsafePickleException">A checkpoint asks for something that is not a tensor or plain data.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static IReadOnlyList<string> WeightPaths(string folder)
    {
        using ITensorFile file = WeightsFile.Open(RequireFile(folder));
        return file is ShardedTensorFile sharded ? sharded.ShardPaths : [file.Path];
    }
}
