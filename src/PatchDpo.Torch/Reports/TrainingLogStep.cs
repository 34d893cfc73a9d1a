using System.Text.Json.Serialization;

namespace PatchDpo.Torch.Reports;

/// <summary>A line of training.jsonl, as far as a report needs it.</summary>
internal sealed record TrainingLogStep(
    [property: JsonRequired] int Step, [property: JsonRequired] double Loss, double LearningRate, double GradientNorm, double PairsPerSecond, double Seconds,
    bool IsSpike);
