namespace PatchDpo.Torch.DataConstruction;

/// <summary>What was measured on a candidate, up to the first fault.</summary>
/// <param name="PlainBorder">Share of the border that is background.</param>
/// <param name="Foreground">Share of the picture that is not background.</param>
/// <param name="ClipT">Cosine of picture and prompt; null where it was not measured.</param>
/// <param name="Similarity">The largest cosine with an earlier reference; null where it was not measured or there is none.</param>
/// <param name="MostSimilar">The sample that it belongs to.</param>
/// <param name="Rejection">The fault; null for a reference.</param>
internal sealed record ReferenceVerdict(
    double PlainBorder, double Foreground, double? ClipT, double? Similarity, int? MostSimilar, ReferenceRejection? Rejection);
