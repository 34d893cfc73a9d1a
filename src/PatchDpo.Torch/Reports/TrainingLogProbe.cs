using System.Text.Json.Serialization;
using PatchDpo.Torch.Evaluation;

namespace PatchDpo.Torch.Reports;

/// <summary>A line of probes.jsonl, as far as a report needs it.</summary>
internal sealed record TrainingLogProbe(
    [property: JsonRequired] int Step, double? PatchQuality, double? Dino, double? ClipI, double? ClipT, double? SubjectSimilarity,
    [property: JsonRequired] int BestStep, double BestValue, string? Grid)
{
    /// <summary>A metric by its name; null where it was not measured.</summary>
    public double? Find(PersonalizationMetric metric) => metric switch
    {
        PersonalizationMetric.Dino => Dino,
        PersonalizationMetric.ClipI => ClipI,
        PersonalizationMetric.ClipT => ClipT,
        PersonalizationMetric.SubjectSimilarity => SubjectSimilarity,
        _ => PatchQuality,
    };
}
