namespace PatchDpo.Torch.Weights;

/// <summary>Finds the files of a model folder.</summary>
public static class ModelFolder
{
    private static readonly string[] WeightNames =
    [
        "model.safetensors", "diffusion_pytorch_model.safetensors", "model.fp16.safetensors", "diffusion_pytorch_model.fp16.safetensors",
    ];

    // PyTorch's habit for a lone checkpoint is any name with one of these.
    private static readonly string[] CheckpointExtensions = [".safetensors", ".bin", ".pt", ".pth", ".th"];

    /// <summary>The first of the candidates that the folder has.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="candidates">File names, best first; none means the usual names of safetensors weights (full precision before fp16), or the folder's only file of weights under another name (.safetensors, .bin, .pt, .pth, .th).</param>
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
            ? [.. Directory.EnumerateFiles(folder).Where(f => CheckpointExtensions.Contains(Path.GetExtension(f), StringComparer.OrdinalIgnoreCase))]
            : [];
        return others.Length == 1 ? others[0] : throw new ModelFileNotFoundException(folder, [.. names, .. CheckpointExtensions.Select(e => $"a single *{e}")]);
    }
}
