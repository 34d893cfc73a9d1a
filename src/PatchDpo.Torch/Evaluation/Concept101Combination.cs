namespace PatchDpo.Torch.Evaluation;

/// <summary>Objects that Concept101 asks for in one picture.</summary>
/// <param name="Index">Its place in <c>dataset_multiconcept.json</c>, from 0; generations lie in <c>comb_{Index}</c>.</param>
/// <param name="Objects">The objects, in the order of the prompts' places <c>{0}</c>, <c>{1}</c>; two in the published data set.</param>
/// <param name="Prompts">The prompts with the objects' names filled in, each once, as their file has them.</param>
public sealed record Concept101Combination(int Index, IReadOnlyList<Concept101Object> Objects, IReadOnlyList<string> Prompts);
