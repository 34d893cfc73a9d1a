using System.Text.Json.Serialization;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>A line of <c>references.jsonl</c>: an object of a sample.</summary>
/// <param name="Sample">The sample, k of <c>sample{k}</c>.</param>
/// <param name="Image">The object's picture, below the folder; null: the sample's reference.</param>
/// <param name="Photos">Further photos of the object.</param>
/// <param name="Name">Its name as the prompt has it.</param>
/// <param name="Box">Left, top, right and bottom in fractions of the picture.</param>
/// <param name="Mask">The picture's mask.</param>
/// <param name="Scale">The object's weight beside the text.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record ImagePromptLine(
    int Sample, string? Image = null, string?[]? Photos = null, string? Name = null, double[]? Box = null, string? Mask = null, double? Scale = null);
