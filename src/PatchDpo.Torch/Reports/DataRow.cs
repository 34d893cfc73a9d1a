namespace PatchDpo.Torch.Reports;

/// <summary>A row of a table of images.</summary>
/// <param name="Name">The image's name.</param>
/// <param name="Subject">Its subject; empty: none.</param>
/// <param name="Prompt">Its prompt; empty: none.</param>
/// <param name="Values">Its numbers.</param>
/// <param name="Anchor">Where its pictures are; null: nowhere.</param>
internal sealed record DataRow(string Name, string Subject, string Prompt, IReadOnlyList<double?> Values, string? Anchor = null);
