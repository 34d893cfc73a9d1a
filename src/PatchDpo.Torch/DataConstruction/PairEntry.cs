using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>A pair in a folder, with its images still on the disk.</summary>
/// <param name="Sample">Its sample, k of <c>sample{k}</c>.</param>
/// <param name="Index">Which of the sample's generated images it has, i of <c>gen_{i}</c>.</param>
/// <param name="Prompt">The prompt: the manifest's; without one, what the file names have of it.</param>
/// <param name="ReferencePath">The reference's file.</param>
/// <param name="GeneratedPath">The generated image's file.</param>
/// <param name="ReferenceQuality">p(x_ref), or what an official data set has in its place.</param>
/// <param name="GeneratedQuality">p(x_gen), likewise.</param>
public sealed record PairEntry(
    int Sample, int Index, string Prompt, string ReferencePath, string GeneratedPath, QualityMap ReferenceQuality, QualityMap GeneratedQuality)
{
    /// <summary>
    /// The sample's image prompts, one an object, in the order of <c>references.jsonl</c>. Null (default): there is no such file, and the
    /// reference is the image prompt.
    /// </summary>
    public IReadOnlyList<PairImagePrompt>? ImagePrompts { get; init; }
}
