using System.Globalization;
using System.Text;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Evaluation;

/// <summary>How well generated images show their subjects and follow their prompts.</summary>
/// <param name="Setting">Which photos the generations were compared with; results of other settings are not comparable.</param>
/// <param name="Images">Generated images.</param>
/// <param name="Pairs">(generation, reference) pairs.</param>
/// <param name="Dino">DINO: subject fidelity; null without a DINO encoder.</param>
/// <param name="ClipI">CLIP-I: subject fidelity; null without CLIP.</param>
/// <param name="ClipT">CLIP-T: prompt fidelity; null without CLIP.</param>
/// <param name="PatchQuality">Mean patch quality score (not in the paper); null without an estimator.</param>
/// <param name="Subjects">Each subject's means, in the order of first appearance.</param>
/// <param name="Models">The models measured with.</param>
/// <param name="GenerationSeed">The seed that the images were generated with, where known.</param>
public sealed record PersonalizationMetrics(
    DreamBenchSetting Setting, int Images, int Pairs,
    MetricEstimate? Dino, MetricEstimate? ClipI, MetricEstimate? ClipT, MetricEstimate? PatchQuality,
    IReadOnlyList<SubjectMetrics> Subjects, IReadOnlyList<EvaluationModel> Models, int? GenerationSeed)
{
    /// <summary>
    /// Subject fidelity by another encoder's whole-image features, such as ImageNet's ResNet-18 (not in the paper, and no DINO score); null without one.
    /// </summary>
    public MetricEstimate? SubjectSimilarity { get; init; }

    /// <summary>Each generated image's scores, in the rows' order.</summary>
    public IReadOnlyList<ImageMetrics> ImageMetrics { get; init; } = [];

    /// <summary>What intervals are over: subjects; with a single one, its images, which says nothing of other subjects.</summary>
    public string IntervalsOver => Subjects.Count > 1 ? "subjects" : "images";

    /// <summary>The prompts of which CLIP's text encoder saw the beginning alone, by the rows' places: CLIP-T was measured on that.</summary>
    public IReadOnlyList<TruncatedPrompt> TruncatedPrompts { get; init; } = [];

    /// <summary>The metrics of images that were measured together or apart: each subject's means, and what is estimated from them.</summary>
    /// <param name="setting">Which photos the generations were compared with.</param>
    /// <param name="images">Each image's scores.</param>
    /// <param name="models">The models measured with.</param>
    /// <param name="generationSeed">The seed that the images were generated with, where known.</param>
    /// <exception cref="EmptyDataException">There is no image.</exception>
    public static PersonalizationMetrics Of(
        DreamBenchSetting setting, IReadOnlyList<ImageMetrics> images, IReadOnlyList<EvaluationModel> models, int? generationSeed = null)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(models);
        if (images.Count == 0)
            throw new EmptyDataException("There is no generated image to evaluate.");
        SubjectMetrics[] means = [.. images.GroupBy(i => i.Subject, StringComparer.Ordinal).Select(g => MeansOf([.. g]))];
        return new PersonalizationMetrics(
            setting, images.Count, means.Sum(m => m.Pairs),
            Estimate(m => m.Dino, i => i.Dino), Estimate(m => m.ClipI, i => i.ClipI), Estimate(m => m.ClipT, i => i.ClipT),
            Estimate(m => m.PatchQuality, i => i.PatchQuality), means, models, generationSeed)
        {
            SubjectSimilarity = Estimate(m => m.SubjectSimilarity, i => i.SubjectSimilarity),
            ImageMetrics = images,
        };

        // One subject has no spread over subjects: its interval is that of its images.
        MetricEstimate? Estimate(Func<SubjectMetrics, double?> metric, Func<ImageMetrics, double?> ofImage)
            => metric(means[0]) is not double first ? null
                : means.Length > 1 ? MetricEstimate.FromSubjects([.. means.Select(m => metric(m)!.Value)])
                : MetricEstimate.FromSubjects([.. images.Select(i => ofImage(i)!.Value)]) with { Mean = first };
    }

    private static SubjectMetrics MeansOf(ImageMetrics[] images)
    {
        int pairs = images.Sum(i => i.References);
        return new SubjectMetrics(
            images[0].Subject, images.Length, pairs, OverPairs(i => i.Dino), OverPairs(i => i.ClipI), images[0].ClipT is null ? null : images.Average(i => i.ClipT),
            OverPairs(i => i.PatchQuality))
        {
            SubjectSimilarity = OverPairs(i => i.SubjectSimilarity),
        };

        double? OverPairs(Func<ImageMetrics, double?> metric) => metric(images[0]) is null ? null : images.Sum(i => metric(i) * i.References) / pairs;
    }

    /// <summary>A metric by its name; null where it was not measured.</summary>
    internal MetricEstimate? Find(PersonalizationMetric metric) => metric switch
    {
        PersonalizationMetric.Dino => Dino,
        PersonalizationMetric.ClipI => ClipI,
        PersonalizationMetric.ClipT => ClipT,
        PersonalizationMetric.SubjectSimilarity => SubjectSimilarity,
        _ => PatchQuality,
    };

    /// <summary>One line for each metric, with what was measured and on how much.</summary>
    public override string ToString()
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture,
            $"{Setting} setting, {Subjects.Count} subjects, {Images} images, {Pairs} pairs (95 % intervals over {IntervalsOver})");
        (string Name, MetricEstimate? Metric)[] metrics =
        [
            ("DINO", Dino), ("CLIP-I", ClipI), ("CLIP-T", ClipT), ("patch quality", PatchQuality), ("subject similarity", SubjectSimilarity),
        ];
        int width = Math.Max(13, metrics.Where(m => m.Metric is not null).Max(m => m.Name.Length));
        foreach ((string name, MetricEstimate? metric) in metrics)
            if (metric is not null)
                text.AppendLine().Append(CultureInfo.InvariantCulture, $"{name.PadRight(width)} {metric}");
        if (TruncatedPrompts.Count > 0)
            text.AppendLine().Append(CultureInfo.InvariantCulture,
                $"{TruncatedPrompts.Count} prompts were cut to the {TruncatedPrompts[0].Limit} tokens that CLIP takes");
        return text.ToString();
    }
}
