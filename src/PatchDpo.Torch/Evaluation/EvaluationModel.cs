using System.Security.Cryptography;

namespace PatchDpo.Torch.Evaluation;

/// <summary>Which model a metric was measured with.</summary>
/// <param name="Role">What it was used for: "DINO", "CLIP" or "patch quality".</param>
/// <param name="Name">A name for people: a model id or the folder's name.</param>
/// <param name="Sha256">SHA-256 of the weights file, lower-case hexadecimal.</param>
public sealed record EvaluationModel(string Role, string Name, string Sha256)
{
    /// <summary>Names a model and hashes its weights.</summary>
    /// <param name="role">What it is used for.</param>
    /// <param name="name">Its name.</param>
    /// <param name="weightsPath">Its weights file.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static EvaluationModel FromFile(string role, string name, string weightsPath)
    {
        using FileStream stream = File.OpenRead(weightsPath);
        return new EvaluationModel(role, name, Convert.ToHexStringLower(SHA256.HashData(stream)));
    }
}
