namespace PatchDpo.Torch.DataConstruction;

/// <summary>What became of an image that was drawn to be a reference.</summary>
/// <param name="Candidate">Its number, from 0.</param>
/// <param name="Prompt">The true prompt.</param>
/// <param name="NoiseIndex">Which starting noise it had under the reference generation's seed.</param>
/// <param name="File">Its path below the folder, with slashes.</param>
/// <param name="Sha256">Of the file.</param>
/// <param name="Width">In pixels.</param>
/// <param name="Height">In pixels.</param>
/// <param name="PlainBorder">Share of its border that is background.</param>
/// <param name="Foreground">Share of it that is not background.</param>
/// <param name="ClipT">Its CLIP-T, where it was measured.</param>
/// <param name="Similarity">The largest cosine with an earlier reference, where it was measured.</param>
/// <param name="MostSimilarSample">The sample of that reference.</param>
/// <param name="Sample">The sample that it is the reference of; null where it was rejected.</param>
/// <param name="Rejection">Why it is none.</param>
internal sealed record CandidateRecord(
    int Candidate, string Prompt, long NoiseIndex, string File, string Sha256, int Width, int Height, double PlainBorder, double Foreground,
    double? ClipT = null, double? Similarity = null, int? MostSimilarSample = null, int? Sample = null, ReferenceRejection? Rejection = null);
