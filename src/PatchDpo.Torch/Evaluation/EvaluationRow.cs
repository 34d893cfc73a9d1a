using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.Evaluation;

/// <summary>A generated image to evaluate.</summary>
/// <param name="Subject">The id of the subject that the image should show.</param>
/// <param name="Prompt">The text that it should follow.</param>
/// <param name="Generated">The image.</param>
/// <param name="References">Photos of the subject, at least one; exactly one in the Kosmos-G setting.</param>
public sealed record EvaluationRow(string Subject, string Prompt, ImageBuffer Generated, IReadOnlyList<ImageBuffer> References)
{
    /// <summary>
    /// The generated image's foreground <c>[height, width]</c> in pixels of any grid over it, for patch quality alone
    /// (<see cref="PatchQuality.ForegroundMask"/>); null (default): all of it counts.
    /// </summary>
    public bool[,]? GeneratedMask { get; init; }

    /// <summary>The same of each reference, as many as references, null where all of one counts; null (default): none has a mask.</summary>
    public IReadOnlyList<bool[,]?>? ReferenceMasks { get; init; }
}
