using PatchDpo.Torch.Images;

namespace Ablation;

/// <summary>What a method reached with one seed, means over the held-out images.</summary>
/// <param name="Dino">Consistency by an independent encoder: cosine with the reference.</param>
/// <param name="WrongParts">Consistency in truth: the share of visible parts in another colour, in [0, 1].</param>
/// <param name="ClipT">Text alignment: cosine with the prompt.</param>
/// <param name="Asked">Text alignment in truth: the share of what prompts ask for beyond the reference that is shown, in [0, 1].</param>
/// <param name="PatchQuality">Mean patch quality score.</param>
/// <param name="Images">The held-out images.</param>
/// <param name="ImplicitAccuracy">Diffusion-DPO: mean over the last quarter of the steps; null for others.</param>
internal sealed record Outcome(double Dino, double WrongParts, double ClipT, double Asked, double PatchQuality, IReadOnlyList<ImageBuffer> Images, double? ImplicitAccuracy = null)
{
    public override string ToString()
        => $"DINO {Dino:F3}  wrong parts {WrongParts:P0}  CLIP-T {ClipT:F3}  asked {Asked:P0}  patch quality {PatchQuality:F3}{(ImplicitAccuracy is double a ? $"  implicit accuracy {a:P0}" : "")}";
}
