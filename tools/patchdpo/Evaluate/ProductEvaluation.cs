using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Evaluation;

namespace PatchDpo.Tool.Evaluate;

/// <summary>Evaluates products; a product has any number of photos.</summary>
internal static class ProductEvaluation
{
    /// <summary>Measures; the images are loaded as they are needed, a product's photos once, and the error stream shows how far it is.</summary>
    public static PersonalizationMetrics Run(
        IReadOnlyList<ProductImage> images, EvaluationModels models, PersonalizationEvaluatorOptions options, CancellationToken cancellationToken)
        => ToolProgress.Run("evaluation", shown => models.CreateEvaluator(options).Evaluate(Rows(images, shown), cancellationToken));

    private static IEnumerable<EvaluationRow> Rows(IReadOnlyList<ProductImage> images, ToolProgress shown)
    {
        EvaluationRow? last = null;
        for (int i = 0; i < images.Count; i++)
        {
            ProductImage image = images[i];
            last = image.Files.Load(image.Subject, image.Prompt, samePhotos: last?.Subject == image.Subject ? last : null);
            yield return last;
            // The next one is asked for: this one has been read.
            shown.Report(i + 1, images.Count, $"image {i + 1} of {images.Count}");
        }
    }
}
