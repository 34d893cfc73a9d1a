namespace PatchDpo.Torch.Evaluation;

/// <summary>A metric in two evaluations of the same images.</summary>
/// <param name="Metric">Which.</param>
/// <param name="Before">Its mean in the first.</param>
/// <param name="After">Its mean in the second.</param>
/// <param name="Change">The paired difference, after - before, with its interval.</param>
public sealed record MetricChange(PersonalizationMetric Metric, double Before, double After, MetricEstimate Change);
