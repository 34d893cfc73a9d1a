namespace PatchDpo.Torch.Evaluation;

/// <summary>One generated image's scores; a metric that was not measured is null.</summary>
/// <param name="Row">The row's place, from 0.</param>
/// <param name="Subject">The subject's id.</param>
/// <param name="Prompt">The text that it should follow.</param>
/// <param name="References">The photos that it was compared with.</param>
/// <param name="Dino">Mean over the photos of the cosine of DINO class tokens.</param>
/// <param name="ClipI">Mean over the photos of the cosine of CLIP image embeddings.</param>
/// <param name="ClipT">The cosine of CLIP image and prompt embeddings.</param>
/// <param name="PatchQuality">Mean over the photos of the patch quality score.</param>
/// <param name="SubjectSimilarity">Mean over the photos of the cosine of another encoder's whole-image features.</param>
public sealed record ImageMetrics(
    int Row, string Subject, string Prompt, int References, double? Dino, double? ClipI, double? ClipT, double? PatchQuality, double? SubjectSimilarity)
{
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
