using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Evaluation;

namespace PatchDpo.Tool.Evaluate;

/// <summary>The ML.NET pipeline: paths to images to metrics.</summary>
internal static class Evaluation
{
    private const int MostPhotos = 6;

    /// <summary>Evaluates generations against photos; the images are loaded as they are needed, and the error stream shows how far it is.</summary>
    /// <param name="generations">What to evaluate.</param>
    /// <param name="photos">The photos of each of their subjects.</param>
    /// <param name="models">What is measured with.</param>
    /// <param name="evaluator">The setting, and what the result carries.</param>
    /// <param name="cancellationToken">Looked at before every batch.</param>
    public static PersonalizationMetrics Run(
        IEnumerable<DreamBenchFile> generations, ILookup<DreamBenchSubject, string> photos, EvaluationOptions models,
        PersonalizationEvaluatorOptions evaluator, CancellationToken cancellationToken)
        => ToolProgress.Run("evaluation", shown => Run(
            [.. generations.Select(g => Row(g, [.. photos[g.Subject]]))], models, evaluator, shown, cancellationToken));

    private static PersonalizationMetrics Run(
        GenerationRow[] generations, EvaluationOptions models, PersonalizationEvaluatorOptions evaluator, ToolProgress shown,
        CancellationToken cancellationToken)
    {
        var ml = new MLContext(seed: 1);
        IDataView rows = ml.Data.LoadFromEnumerable(Shown(generations, shown));
        string[] columns = [.. Enumerable.Range(1, MostPhotos).Select(i => $"Photo{i}")];
        EstimatorChain<ImageFileLoadingTransformer> loading = columns.Aggregate(
            new EstimatorChain<ImageFileLoadingTransformer>().Append(ml.PatchDpo.LoadImages("Generated", null, nameof(GenerationRow.GeneratedPath))),
            (chain, column) => chain.Append(ml.PatchDpo.LoadImages(column, null, column + "Path", allowMissing: true)));
        return ml.PatchDpo.Evaluate(loading.Fit(rows).Transform(rows), new EvaluationOptions
        {
            ReferenceColumnNames = columns,
            Dino = models.Dino,
            ClipFolder = models.ClipFolder,
            PatchQuality = models.PatchQuality,
            SubjectSimilarity = models.SubjectSimilarity,
            Evaluator = evaluator,
            CancellationToken = cancellationToken,
        });
    }

    private static IEnumerable<GenerationRow> Shown(GenerationRow[] rows, ToolProgress shown)
    {
        for (int i = 0; i < rows.Length; i++)
        {
            yield return rows[i];
            // The next one is asked for: this one has been read.
            shown.Report(i + 1, rows.Length, $"image {i + 1} of {rows.Length}");
        }
    }

    private static GenerationRow Row(DreamBenchFile generation, string[] photos) => new()
    {
        Subject = generation.Subject.Name,
        Prompt = generation.Name,
        GeneratedPath = generation.Path,
        Photo1Path = photos[0],
        Photo2Path = photos.ElementAtOrDefault(1) ?? "",
        Photo3Path = photos.ElementAtOrDefault(2) ?? "",
        Photo4Path = photos.ElementAtOrDefault(3) ?? "",
        Photo5Path = photos.ElementAtOrDefault(4) ?? "",
        Photo6Path = photos.ElementAtOrDefault(5) ?? "",
    };
}
