using PatchDpo.Torch.Pairs;

namespace Ablation;

/// <summary>What all methods share with one seed.</summary>
/// <param name="Seed">Of the noise, too.</param>
/// <param name="Data">What was drawn.</param>
/// <param name="Pairs">The pairs to train on, generated and scored.</param>
/// <param name="Base">What the model reaches before it is trained.</param>
internal sealed record SeedPairs(int Seed, SeedData Data, IReadOnlyDictionary<Estimate, IReadOnlyList<TrainingPair>> Pairs, Curve Base);
