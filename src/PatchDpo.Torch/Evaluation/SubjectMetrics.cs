namespace PatchDpo.Torch.Evaluation;

/// <summary>One subject's means.</summary>
/// <param name="Subject">The subject's id.</param>
/// <param name="Images">Generated images.</param>
/// <param name="Pairs">(generation, reference) pairs.</param>
/// <param name="Dino">Mean over the pairs of the cosine of DINO class tokens; null where it was not measured.</param>
/// <param name="ClipI">Mean over the pairs of the cosine of CLIP image embeddings; null where it was not measured.</param>
/// <param name="ClipT">Mean over the images of the cosine of CLIP image and prompt embeddings; null where it was not measured.</param>
/// <param name="PatchQuality">Mean over the pairs of the patch quality score; null where it was not measured.</param>
public sealed record SubjectMetrics(string Subject, int Images, int Pairs, double? Dino, double? ClipI, double? ClipT, double? PatchQuality)
{
    /// <summary>
    /// Mean over the pairs of the cosine of another encoder's whole-image features (not in the paper, and no DINO score); null where it was not measured.
    /// </summary>
    public double? SubjectSimilarity { get; init; }

    /// <summary>A metric by its name; null where it was not measured.</summary>
    internal double? Find(PersonalizationMetric metric) => metric switch
    {
        PersonalizationMetric.Dino => Dino,
        PersonalizationMetric.ClipI => ClipI,
        PersonalizationMetric.ClipT => ClipT,
        PersonalizationMetric.SubjectSimilarity => SubjectSimilarity,
        _ => PatchQuality,
    };
}
