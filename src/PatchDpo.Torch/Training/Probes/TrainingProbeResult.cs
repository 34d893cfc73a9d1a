using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.Training.Probes;

/// <summary>What a training's probe drew and measured.</summary>
/// <param name="Step">Steps that were done; 0: before training.</param>
/// <param name="Images">A picture for each row, in order.</param>
/// <param name="Metrics">Their scores.</param>
/// <param name="Value">The mean of the metric that decides which step is the best.</param>
/// <param name="BestStep">The best step so far, this one included; of equal ones, the first.</param>
/// <param name="BestValue">Its value.</param>
/// <param name="Elapsed">How long the probe took.</param>
public sealed record TrainingProbeResult(
    int Step, IReadOnlyList<ImageBuffer> Images, PersonalizationMetrics Metrics, double Value, int BestStep, double BestValue, TimeSpan Elapsed)
{
    /// <summary>Whether no step before was as good.</summary>
    public bool IsBest => Step == BestStep;

    /// <summary>The picture grid's file: references, and what was drawn; null where the training has no folder for its course.</summary>
    public string? GridFile { get; init; }
}
