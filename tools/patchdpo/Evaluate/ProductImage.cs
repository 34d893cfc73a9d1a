using PatchDpo.Torch.Evaluation;

namespace PatchDpo.Tool.Evaluate;

/// <summary>A generated image of a product, and the product's photos.</summary>
/// <param name="Subject">The product.</param>
/// <param name="Name">The image's path below the folder of generations, with '/'.</param>
/// <param name="Prompt">What it should follow.</param>
/// <param name="Path">Its full path.</param>
/// <param name="Photos">The photos' full paths, at least one.</param>
internal sealed record ProductImage(string Subject, string Name, string Prompt, string Path, IReadOnlyList<string> Photos)
{
    /// <summary>Where it, its photos and their masks lie.</summary>
    public EvaluatedFiles Files { get; init; } = new(Path, Photos);
}
