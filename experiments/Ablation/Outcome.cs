namespace Ablation;

/// <summary>What a method reached with one seed at one strength of the image prompt, means over the held-out images.</summary>
/// <param name="Strength">The image prompt's weight beside the text, 1: as trained.</param>
/// <param name="Dino">Consistency by an independent encoder: cosine with the reference.</param>
/// <param name="WrongParts">Consistency in truth: the share of visible parts in another colour, in [0, 1].</param>
/// <param name="ClipT">Text alignment: cosine with the prompt.</param>
/// <param name="Asked">Text alignment in truth: the share of what prompts ask for beyond the reference that is shown, in [0, 1].</param>
/// <param name="PatchQuality">Mean patch quality score.</param>
internal sealed record Outcome(double Strength, double Dino, double WrongParts, double ClipT, double Asked, double PatchQuality)
{
    /// <summary>The outcome at a share of the way to another one, linear.</summary>
    public Outcome Towards(Outcome other, double share)
    {
        double Between(double from, double to) => from + (share * (to - from));
        return new Outcome(
            Between(Strength, other.Strength),
            Between(Dino, other.Dino),
            Between(WrongParts, other.WrongParts),
            Between(ClipT, other.ClipT),
            Between(Asked, other.Asked),
            Between(PatchQuality, other.PatchQuality));
    }

    public override string ToString() => $"DINO {Dino:F3}  wrong parts {WrongParts:P0}  CLIP-T {ClipT:F3}  asked {Asked:P0}  patch quality {PatchQuality:F3}";
}
