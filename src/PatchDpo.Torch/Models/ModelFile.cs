namespace PatchDpo.Torch.Models;

/// <summary>A file that a model was loaded from, or weights in memory.</summary>
/// <param name="File">Its path in the model's folder, with slashes; its name where the model is a lone file; or what the weights in memory are.</param>
/// <param name="Sha256">Lower-case hexadecimal.</param>
public sealed record ModelFile(string File, string Sha256);
