using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Tool.Score;

/// <summary>A generated image and one of its references; the pipeline's input row.</summary>
internal sealed class ImagePair
{
    public required string ReferencePath { get; init; }

    public required string GeneratedPath { get; init; }

    public string Prompt { get; init; } = "";

    /// <summary>The generated image's mask; empty: none. Of one run, all pairs have it or none.</summary>
    public string GeneratedMaskPath { get; init; } = "";

    /// <summary>The reference's mask, in the same way.</summary>
    public string ReferenceMaskPath { get; init; } = "";

    /// <summary>The generated image's mask; null: none.</summary>
    public bool[,]? LoadGeneratedMask() => GeneratedMaskPath.Length > 0 ? ForegroundMask.FromImage(ImageFile.Load(GeneratedMaskPath)) : null;

    /// <summary>Loads both images with their masks.</summary>
    /// <param name="ignorePlainBackground">Whether a reference on a plain background counts as its object alone.</param>
    public EvaluationRow Load(bool ignorePlainBackground) => new EvaluatedFiles(GeneratedPath, [ReferencePath])
    {
        Mask = GeneratedMaskPath.Length > 0 ? GeneratedMaskPath : null,
        PhotoMasks = ReferenceMaskPath.Length > 0 ? [ReferenceMaskPath] : [],
        IgnorePlainBackground = ignorePlainBackground,
    }.Load("", Prompt);
}
