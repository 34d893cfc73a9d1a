namespace PatchDpo.Torch.Weights.Pickle;

/// <summary>A name on the allow-list, and what stands for calling it.</summary>
/// <param name="Name">Module and name, with a dot between.</param>
/// <param name="Call">Builds a value from the arguments; null for a name that is only mentioned.</param>
/// <param name="IsMadeEmpty">Whether an instance may be made without arguments and without a call: a <see cref="PickleNamespace"/>.</param>
internal sealed record PickleGlobal(string Name, Func<PickleReader, object?[], object?>? Call, bool IsMadeEmpty = false);
