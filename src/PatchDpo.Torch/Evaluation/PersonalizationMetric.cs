namespace PatchDpo.Torch.Evaluation;

/// <summary>A metric of <see cref="PersonalizationMetrics"/>; of each, more is better.</summary>
public enum PersonalizationMetric
{
    /// <summary>Mean patch quality score (not in the paper).</summary>
    PatchQuality,

    /// <summary>DINO: subject fidelity.</summary>
    Dino,

    /// <summary>CLIP-I: subject fidelity.</summary>
    ClipI,

    /// <summary>CLIP-T: prompt fidelity.</summary>
    ClipT,

    /// <summary>Subject fidelity by another encoder's whole-image features (not in the paper, and no DINO score).</summary>
    SubjectSimilarity,
}
