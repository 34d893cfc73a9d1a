namespace Ablation;

/// <summary>A comparison with all its outcomes.</summary>
/// <param name="Comparison">What was compared on what.</param>
/// <param name="Results">The outcomes.</param>
/// <param name="FirstSeed">The first seed's data, for the report's picture.</param>
internal sealed record Finished(Comparison Comparison, Results Results, SeedData FirstSeed);
