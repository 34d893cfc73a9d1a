using PatchDpo.Torch.Images;

namespace Ablation;

/// <summary>What a method reached with one seed at several strengths of the image prompt: the weaker it is, the more counts the text.</summary>
/// <param name="Outcomes">For each of <see cref="Strengths"/>, as far as it took to have the base's text alignment.</param>
/// <param name="Images">The held-out images at full strength.</param>
/// <param name="ImplicitAccuracy">Diffusion-DPO: mean over the last quarter of the steps; null for others.</param>
internal sealed record Curve(IReadOnlyList<Outcome> Outcomes, IReadOnlyList<ImageBuffer> Images, double? ImplicitAccuracy)
{
    /// <summary>The strengths to draw with, falling from 1.</summary>
    public static IReadOnlyList<double> Strengths { get; } = [1, 0.75, 0.5];

    /// <summary>The outcome at full strength.</summary>
    public Outcome Full => Outcomes[0];

    /// <summary>
    /// The outcome at the greatest strength that has a CLIP-T of <paramref name="wanted"/>, linear between those drawn with; at the least of them, if
    /// none has it.
    /// </summary>
    public Outcome WithClipT(double wanted)
    {
        if (Full.ClipT >= wanted)
            return Full;
        foreach ((Outcome strong, Outcome weak) in Outcomes.Zip(Outcomes.Skip(1)))
        {
            if (weak.ClipT >= wanted)
                return strong.Towards(weak, (wanted - strong.ClipT) / (weak.ClipT - strong.ClipT));
        }

        return Outcomes[^1];
    }

    public override string ToString()
        => string.Join("\n    ", Outcomes.Select(o => $"{o.Strength:F2}  {o}")) + (ImplicitAccuracy is double a ? $"\n    implicit accuracy {a:P0}" : "");
}
