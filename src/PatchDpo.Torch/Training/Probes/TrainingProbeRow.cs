using System.Runtime.CompilerServices;
using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.Training.Probes;

/// <summary>A picture that each probe of a training draws.</summary>
/// <param name="Subject">The id of the subject that it should show; metrics are means over subjects.</param>
/// <param name="Prompt">What to show.</param>
/// <param name="References">Images of the subject, at least one: what is drawn from, and compared with.</param>
[method: OverloadResolutionPriority(1)]
public sealed record TrainingProbeRow(string Subject, string Prompt, IReadOnlyList<ReferenceImage> References)
{
    /// <summary>A row with images that nothing more is known of.</summary>
    /// <param name="subject">The id of the subject that it should show.</param>
    /// <param name="prompt">What to show.</param>
    /// <param name="references">Images of the subject, at least one.</param>
    public TrainingProbeRow(string subject, string prompt, IReadOnlyList<ImageBuffer> references)
        : this(subject, prompt, ReferenceImage.Of(references))
    {
    }
}
