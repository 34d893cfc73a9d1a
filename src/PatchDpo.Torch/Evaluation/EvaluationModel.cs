using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Pickle;

namespace PatchDpo.Torch.Evaluation;

/// <summary>Which model a metric was measured with.</summary>
/// <param name="Role">What it was used for: "DINO", "CLIP" or "patch quality".</param>
/// <param name="Name">A name for people: a model id or the folder's name.</param>
/// <param name="Sha256">
/// SHA-256 of the weights file (of sharded weights: of the shards' bytes, one shard after the other by name), lower-case hexadecimal.
/// </param>
public sealed record EvaluationModel(string Role, string Name, string Sha256)
{
    /// <summary>Names a model and hashes its weights.</summary>
    /// <param name="role">What it is used for.</param>
    /// <param name="name">Its name.</param>
    /// <param name="weightsPath">Its weights file.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static EvaluationModel FromFile(string role, string name, string weightsPath)
    {
        ArgumentException.ThrowIfNullOrEmpty(weightsPath);
        return new(role, name, FileHash.Of([weightsPath], ModelFingerprint.NotAFile));
    }

    /// <summary>Names a model after its folder and hashes its weights.</summary>
    /// <param name="role">What it is used for.</param>
    /// <param name="folder">Its folder, with weights as <see cref="ModelFolder.OpenWeights"/> finds them.</param>
    /// <exception cref="ModelFileNotFoundException">The folder has no weights, or a shard is missing.</exception>
    /// <exception cref="WeightsFormatException">A weight file is malformed.</exception>
    /// <exception cref="UnsafePickleException">A PyTorch checkpoint asks for something that is not a tensor or plain data.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static EvaluationModel FromFolder(string role, string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return new(role, Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))),
            FileHash.Of(ModelFolder.WeightPaths(folder), ModelFingerprint.NotAFile));
    }
}
