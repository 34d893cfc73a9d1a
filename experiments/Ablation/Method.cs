using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Training.Objectives;

namespace Ablation;

/// <summary>A row of the table.</summary>
/// <param name="Name">Its name there.</param>
/// <param name="Objective">What is minimised; null for the base model, which is not trained.</param>
/// <param name="Weights">How p becomes weight.</param>
/// <param name="Estimate">How p is estimated.</param>
internal sealed record Method(string Name, TrainingObjective? Objective, WeightMapOptions Weights, Estimate Estimate)
{
    /// <summary>
    /// Whether objects are attended to apart and merged by their names' maps behind a gate, as a MIP-Adapter does it, not concatenated; the base's keys and
    /// values with gates that are drawn.
    /// </summary>
    public bool Merges { get; init; }

    private static readonly WeightMapOptions IdentityWeights = new();
    private static readonly WeightMapOptions Sharp = MinMax(12);

    public static Method Base { get; } = new("base", null, IdentityWeights, Estimate.Masked);

    public static Method Reconstruction { get; } = new("reconstruction", TrainingObjective.Reconstruction, IdentityWeights, Estimate.Masked);

    public static Method ReferenceOnly { get; } = new("reference only", TrainingObjective.ReferenceOnly, IdentityWeights, Estimate.Masked);

    public static Method ImageLevel { get; } = new("image-level weights", TrainingObjective.ImageLevel, MinMax(1), Estimate.Masked);

    public static Method DiffusionDpo { get; } = new("Diffusion-DPO", TrainingObjective.DiffusionDpo, IdentityWeights, Estimate.Masked);

    public static Method Identity { get; } = new("PatchDPO, identity", TrainingObjective.PatchDpo, IdentityWeights, Estimate.Masked);

    public static Method BaseMerged { get; } = Base with { Name = "base, merged", Merges = true };

    public static Method IdentityMerged { get; } = Identity with { Name = "PatchDPO, identity, merged", Merges = true };

    public static Method IdentitysMass { get; } = new(
        "image-level weights, identity's mass", TrainingObjective.ImageLevelSameMass, IdentityWeights, Estimate.Masked);

    public static Method IdentityBeforeSelfSupervision { get; } = Identity with { Name = "PatchDPO, identity, no self-supervision",
        Estimate = Estimate.BeforeSelfSupervision };

    public static Method Oracle { get; } = new("PatchDPO, oracle", TrainingObjective.PatchDpo, IdentityWeights, Estimate.Oracle);

    public static Method OracleMerged { get; } = Oracle with { Name = "PatchDPO, oracle, merged", Merges = true };

    public static Method OraclesMass { get; } = Oracle with { Name = "image-level weights, oracle's mass", Objective = TrainingObjective.ImageLevelSameMass };

    public static Method Aligned { get; } = new("PatchDPO, aligned objects", TrainingObjective.PatchDpo, IdentityWeights, Estimate.Aligned);

    public static Method AlignedsMass { get; } = Aligned with { Name = "image-level weights, aligned objects' mass",
        Objective = TrainingObjective.ImageLevelSameMass };

    public static Method Contrast12 { get; } = new("PatchDPO, contrast 12", TrainingObjective.PatchDpo, Sharp, Estimate.Masked);

    public static Method ImageLevelOfContrast12 { get; } = new(
        "image-level weights, contrast 12's mass", TrainingObjective.ImageLevelSameMass, Sharp, Estimate.Masked);

    public static Method Contrast12BeforeSelfSupervision { get; } = Contrast12 with { Name = "PatchDPO, contrast 12, no self-supervision",
        Estimate = Estimate.BeforeSelfSupervision };

    public static Method Contrast12ReferenceMasks { get; } = Contrast12 with { Name = "PatchDPO, contrast 12, references' masks alone",
        Estimate = Estimate.ReferenceMasks };

    // So high a contrast leaves weight 1 where p is 1, off the objects, and 0 on them.
    public static Method MasksWithoutP { get; } = new("masks without p", TrainingObjective.PatchDpo, MinMax(1e6), Estimate.Masked);

    /// <summary>
    /// Whether a name on the command line means this method, one of <paramref name="all"/>: its own name, or, where no method has that name, a piece
    /// of it.
    /// </summary>
    public bool IsCalled(string name, IEnumerable<Method> all)
        => all.Any(m => IsSame(m.Name, name)) ? IsSame(Name, name) : Name.Contains(name, StringComparison.OrdinalIgnoreCase);

    private static WeightMapOptions MinMax(double contrast) => new() { Kind = WeightMapKind.MinMax, Contrast = contrast };

    private static bool IsSame(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);
}
