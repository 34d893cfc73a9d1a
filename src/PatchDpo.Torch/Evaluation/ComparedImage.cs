namespace PatchDpo.Torch.Evaluation;

/// <summary>An image that two evaluations have.</summary>
/// <param name="Name">Its name in both.</param>
/// <param name="Before">Its scores in the first; <see cref="ImageMetrics.Row"/> is its place there.</param>
/// <param name="After">Its scores in the second.</param>
/// <param name="Change">How the metric that says most of the subject changed: after - before.</param>
public sealed record ComparedImage(string Name, ImageMetrics Before, ImageMetrics After, double Change);
