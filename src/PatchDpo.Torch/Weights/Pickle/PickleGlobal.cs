namespace PatchDpo.Torch.Weights.Pickle;

/// <summary>A name on the allow-list, and what stands for calling it.</summary>
/// <param name="Name">Module and name, with a dot between.</param>
/// <param name="Call">Builds a value from the arguments; null for a name that is only mentioned.</param>
internal sealed record PickleGlobal(string Name, Func<PickleReader, object?[], object?>? Call);
