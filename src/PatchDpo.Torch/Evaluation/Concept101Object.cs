namespace PatchDpo.Torch.Evaluation;

/// <summary>An object of a Concept101 combination.</summary>
/// <param name="Name">What prompts call it (class_prompt).</param>
/// <param name="Concept">Its folder in <c>benchmark_dataset</c>.</param>
public sealed record Concept101Object(string Name, string Concept);
