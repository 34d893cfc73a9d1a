namespace PatchDpo.Torch.Models;

/// <summary>An item of a configuration's array.</summary>
/// <param name="Texts">A text as a list of one, or a list of texts; empty for an object.</param>
/// <param name="Fields">An object, or null.</param>
internal sealed record ConfigItem(IReadOnlyList<string> Texts, ModelConfig? Fields);
