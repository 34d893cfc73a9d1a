using PatchDpo.Torch.Evaluation;

namespace PatchDpo.Tool.Reproduce;

/// <summary>A row of the published tables.</summary>
/// <param name="Setting">The setting that it was measured in.</param>
/// <param name="Method">What it is of.</param>
/// <param name="Dino">DINO.</param>
/// <param name="ClipI">CLIP-I.</param>
/// <param name="ClipT">CLIP-T; null where there is none.</param>
internal sealed record PublishedFigures(DreamBenchSetting Setting, string Method, double Dino, double ClipI, double? ClipT)
{
    /// <summary>Where the figures are from.</summary>
    public const string Source = "Huang et al., PatchDPO, CVPR 2025 (arXiv 2412.03177), tables 1 and 2, as in the README of github.com/hqhQAQ/PatchDPO";

    /// <summary>The rows that this table stands beside: the upper bound, what was tuned, and what the tuning made of it.</summary>
    public static IReadOnlyList<PublishedFigures> All { get; } =
    [
        new(DreamBenchSetting.Original, "real images", 0.774, 0.885, null),
        new(DreamBenchSetting.Original, "IP-Adapter", 0.608, 0.809, 0.274),
        new(DreamBenchSetting.Original, "IP-Adapter-Plus", 0.692, 0.826, 0.281),
        new(DreamBenchSetting.Original, "PatchDPO", 0.727, 0.838, 0.292),
        new(DreamBenchSetting.KosmosG, "PatchDPO", 0.831, 0.880, 0.288),
    ];
}
