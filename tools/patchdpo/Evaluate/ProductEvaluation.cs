using PatchDpo.Tool.Shards;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Evaluation;

namespace PatchDpo.Tool.Evaluate;

/// <summary>Evaluates products; a product has any number of photos.</summary>
internal static class ProductEvaluation
{
    // A product's photos are encoded once in a part; no part has more images than that.
    private const int MaxImages = 64;

    /// <summary>
    /// Measures, or does a shard of it: then null. The images are loaded as they are needed, a product's photos once, and the error stream shows how far it is.
    /// </summary>
    public static PersonalizationMetrics? Run(
        IReadOnlyList<ProductImage> images, EvaluationModels models, PersonalizationEvaluatorOptions options, ShardPlan plan, string output,
        CancellationToken cancellationToken)
    {
        ProductImage[][] parts = [.. Parts(images)];
        int[] firsts = new int[parts.Length];
        for (int i = 1; i < parts.Length; i++)
            firsts[i] = firsts[i - 1] + parts[i - 1].Length;
        using var rows = new RowsAhead(parts, options.BatchSize, isWhole: plan.Shard is null);
        PersonalizationEvaluator evaluator = models.CreateEvaluator(options);
        var work = new ShardedWork(plan, output, () => Settings(images, models, options));
        IReadOnlyList<MeasuredPart>? measured = ToolProgress.Run("evaluation", shown => work.Run(parts.Length, part =>
        {
            PersonalizationMetrics metrics = evaluator.Evaluate(rows.Of(part, done =>
                shown.Report(firsts[part] + done, images.Count, $"image {firsts[part] + done} of {images.Count}")), cancellationToken);
            return new MeasuredPart(metrics.ImageMetrics, metrics.TruncatedPrompts);
        }, cancellationToken));
        if (measured is null)
            return null;
        ImageMetrics[] all = [.. measured.SelectMany((m, part) => m.Images.Select(i => i with { Row = firsts[part] + i.Row }))];
        return PersonalizationMetrics.Of(options.Setting, all, models.Identities, options.GenerationSeed) with
        {
            TruncatedPrompts = [.. measured.SelectMany((m, part) => m.TruncatedPrompts.Select(t => t with { Index = firsts[part] + t.Index }))],
        };
    }

    // Neighbours of one product, whatever the shards are.
    private static IEnumerable<ProductImage[]> Parts(IReadOnlyList<ProductImage> images)
    {
        for (int first = 0, end; first < images.Count; first = end)
        {
            for (end = first + 1; end < images.Count && end - first < MaxImages && images[end].Subject == images[first].Subject;)
                end++;
            yield return [.. images.Skip(first).Take(end - first)];
        }
    }

    private static SortedDictionary<string, string> Settings(
        IReadOnlyList<ProductImage> images, EvaluationModels models, PersonalizationEvaluatorOptions options)
    {
        SortedDictionary<string, string> settings = ShardSettings.Of(("--setting", options.Setting), ("--seed", options.GenerationSeed),
            ("images", images.Count), ("--ignore-plain-background", images[0].Files.IgnorePlainBackground),
            ("SHA-256 of images", ShardSettings.HashOf(images.SelectMany(Files))));
        foreach (EvaluationModel model in models.Identities)
            settings[$"SHA-256 of {model.Role}"] = model.Sha256;
        return settings;
    }

    private static IEnumerable<(string, string)> Files(ProductImage image) =>
    [
        ($"{image.Subject}\0{image.Name}\0{image.Prompt}", image.Path), .. image.Photos.Select(p => ("", p)),
        .. image.Files.PhotoMasks.Prepend(image.Files.Mask).OfType<string>().Select(m => ("mask", m)),
    ];
}
