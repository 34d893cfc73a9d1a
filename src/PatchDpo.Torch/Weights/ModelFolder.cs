namespace PatchDpo.Torch.Weights;

/// <summary>Finds the files of a model folder.</summary>
public static class ModelFolder
{
    private static readonly string[] WeightNames =
    [
        "model.safetensors", "diffusion_pytorch_model.safetensors", "model.fp16.safetensors", "diffusion_pytorch_model.fp16.safetensors",
    ];

    /// <summary>The first of the candidates that the folder has.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="candidates">File names, best first; none means the usual names of safetensors weights (full precision before fp16).</param>
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
        throw new ModelFileNotFoundException(folder, names);
    }
}
