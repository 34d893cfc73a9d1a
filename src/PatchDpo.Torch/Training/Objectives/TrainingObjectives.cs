using PatchDpo.Torch.Diffusion.Schedules;

namespace PatchDpo.Torch.Training.Objectives;

/// <summary>The objectives of this library: their names for users, and how they are made.</summary>
/// <remarks>A new objective is a member of <see cref="TrainingObjective"/>, an entry here, and its class or its weights.</remarks>
public static class TrainingObjectives
{
    private static readonly Entry[] Entries =
    [
        Weighted(TrainingObjective.PatchDpo, "patch-dpo"),
        Weighted(TrainingObjective.Reconstruction, "reconstruction", usesQuality: false),
        Weighted(TrainingObjective.ReferenceOnly, "reference-only", usesQuality: false),
        Weighted(TrainingObjective.ImageLevel, "image-level"),
        Weighted(TrainingObjective.ImageLevelSameMass, "image-level-same-mass"),
        new(TrainingObjective.DiffusionDpo, "diffusion-dpo", WeighsErrors: false, UsesQuality: false, (o, _) => new DiffusionDpoObjective(o.DiffusionDpoBeta)),
    ];

    /// <summary>The names that programs take, one for each objective.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Entries.Select(e => e.Name)];

    /// <summary>The objective that a program's user names.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <exception cref="ArgumentException">It is none of them; the message lists them.</exception>
    public static TrainingObjective Parse(string name)
        => Array.Find(Entries, e => e.Name == name)?.Kind
            ?? throw new ArgumentException($"'{name}' is no objective: give one of {string.Join(", ", Names)}.", nameof(name));

    /// <summary>The name that programs take for an objective.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No member of the enumeration.</exception>
    public static string NameOf(TrainingObjective kind) => Find(kind).Name;

    /// <summary>Whether an objective is a squared error under weights, which min-SNR weighting can change.</summary>
    internal static bool WeighsErrors(TrainingObjective kind) => Find(kind).WeighsErrors;

    /// <summary>Whether an objective's weights come from the pairs' quality maps.</summary>
    internal static bool UsesQuality(TrainingObjective kind) => Find(kind).UsesQuality;

    /// <summary>Makes the objective that options name, over the schedule of the model that is trained.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is none of this kind.</exception>
    internal static ITrainingObjective Create(PatchDpoTrainerOptions options, NoiseSchedule schedule) => Find(options.Objective).Create(options, schedule);

    private static Entry Weighted(TrainingObjective kind, string name, bool usesQuality = true)
        => new(kind, name, WeighsErrors: true, usesQuality, (o, schedule) => new WeightedErrorObjective(kind, o.Weights, schedule, o.MinSnrGamma));

    private static Entry Find(TrainingObjective kind)
        => Array.Find(Entries, e => e.Kind == kind) ?? throw new ArgumentOutOfRangeException(nameof(kind), kind, "There is no such objective.");

    private sealed record Entry(
        TrainingObjective Kind, string Name, bool WeighsErrors, bool UsesQuality, Func<PatchDpoTrainerOptions, NoiseSchedule, ITrainingObjective> Create);
}
