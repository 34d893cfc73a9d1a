namespace PatchDpo.Torch.DataConstruction;

/// <summary>A generated image.</summary>
/// <param name="NoiseIndex">Which starting noise it had under the generation's seed.</param>
/// <param name="File">Its path below the folder, with slashes.</param>
/// <param name="Sha256">Of the file.</param>
/// <param name="Width">In pixels.</param>
/// <param name="Height">In pixels.</param>
/// <param name="PatchQualityScore">The pair's score.</param>
internal sealed record GeneratedRecord(long NoiseIndex, string File, string Sha256, int Width, int Height, float PatchQualityScore);
