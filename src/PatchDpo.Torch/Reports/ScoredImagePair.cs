using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Torch.Reports;

/// <summary>A generated image that was scored against a reference, for a report.</summary>
/// <param name="name">What people call the generated image.</param>
/// <param name="quality">Its maps and its score.</param>
/// <param name="images">
/// Loads the generated image, the reference (the first of the row's) and the masks that they were scored with; called for the pairs that are shown with
/// pictures.
/// </param>
public sealed class ScoredImagePair(string name, PatchQualityResult quality, Func<EvaluationRow> images)
{
    /// <summary>What people call the generated image.</summary>
    public string Name { get; } = name ?? throw new ArgumentNullException(nameof(name));

    /// <summary>Its maps and its score.</summary>
    public PatchQualityResult Quality { get; } = quality ?? throw new ArgumentNullException(nameof(quality));

    /// <summary>Loads the generated image, the reference and their masks.</summary>
    public Func<EvaluationRow> Images { get; } = images ?? throw new ArgumentNullException(nameof(images));

    /// <summary>What people call the reference. Default: empty.</summary>
    public string ReferenceName { get; init => field = value ?? throw new ArgumentNullException(nameof(ReferenceName)); } = "";

    /// <summary>The subject or product, which intervals are over. Default: empty, all pairs are of one.</summary>
    public string Subject { get; init => field = value ?? throw new ArgumentNullException(nameof(Subject)); } = "";

    /// <summary>The prompt. Default: empty.</summary>
    public string Prompt { get; init => field = value ?? throw new ArgumentNullException(nameof(Prompt)); } = "";
}
