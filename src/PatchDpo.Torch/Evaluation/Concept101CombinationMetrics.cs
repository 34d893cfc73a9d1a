namespace PatchDpo.Torch.Evaluation;

/// <summary>One combination's means.</summary>
/// <param name="Combination">Its index in the data set.</param>
/// <param name="Images">Generated images.</param>
/// <param name="ClipT">CLIP-T by <see cref="Concept101.ClipTDefinition"/>; null where it was not measured.</param>
/// <param name="Objects">Each object's scores.</param>
public sealed record Concept101CombinationMetrics(int Combination, int Images, double? ClipT, IReadOnlyList<Concept101ObjectMetrics> Objects)
{
    /// <summary>CLIP-I: the mean of the objects'; null where it was not measured.</summary>
    public double? ClipI => Objects.Average(o => o.ClipI);

    /// <summary>DINO: the mean of the objects'; null where it was not measured.</summary>
    public double? Dino => Objects.Average(o => o.Dino);
}
