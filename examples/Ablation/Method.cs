using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Training;

namespace Ablation;

/// <summary>A row of the table.</summary>
/// <param name="Name">Its name there.</param>
/// <param name="Objective">What is minimised; null for the base model, which is not trained.</param>
/// <param name="Weights">How p becomes weight.</param>
/// <param name="IsMain">Whether every comparison has it.</param>
/// <param name="Estimate">How p is estimated.</param>
internal sealed record Method(string Name, TrainingObjective? Objective, WeightMapOptions Weights, bool IsMain = false, Estimate Estimate = default)
{
    private static readonly WeightMapOptions s_identity = new();
    private static readonly WeightMapOptions s_minMax = new() { Kind = WeightMapKind.MinMax };
    private static readonly WeightMapOptions s_sharp = new() { Kind = WeightMapKind.MinMax, Contrast = 3 };

    /// <summary>The method that the others are compared with.</summary>
    public const string PatchDpoName = "PatchDPO, min-max, contrast 3";

    public static IReadOnlyList<Method> All { get; } =
    [
        new("base", null, s_identity, IsMain: true),
        new("reconstruction", TrainingObjective.Reconstruction, s_identity, IsMain: true),
        new("reference only", TrainingObjective.ReferenceOnly, s_identity, IsMain: true),
        new("image-level weights", TrainingObjective.ImageLevel, s_minMax),
        new("image-level weights, PatchDPO's mass", TrainingObjective.ImageLevelSameMass, s_sharp),
        new("Diffusion-DPO", TrainingObjective.DiffusionDpo, s_identity),
        new("PatchDPO, identity", TrainingObjective.PatchDpo, s_identity),
        new("PatchDPO, min-max", TrainingObjective.PatchDpo, s_minMax),
        new($"{PatchDpoName}, no self-supervision", TrainingObjective.PatchDpo, s_sharp, Estimate: Estimate.BeforeSelfSupervision),
        new($"{PatchDpoName}, references' masks alone", TrainingObjective.PatchDpo, s_sharp, Estimate: Estimate.ReferenceMasks),
        new(PatchDpoName, TrainingObjective.PatchDpo, s_sharp, IsMain: true),
    ];

    /// <summary>Whether a name on the command line means this method: its own name, or, where no method has that name, a piece of it.</summary>
    public bool IsCalled(string name)
        => All.Any(m => IsSame(m.Name, name)) ? IsSame(Name, name) : Name.Contains(name, StringComparison.OrdinalIgnoreCase);

    private static bool IsSame(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);
}
