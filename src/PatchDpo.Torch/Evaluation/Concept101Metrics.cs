using System.Globalization;
using System.Text;
using PatchDpo.Torch.Encoders;

namespace PatchDpo.Torch.Evaluation;

/// <summary>How well pictures of several objects show them and follow their prompts.</summary>
/// <param name="CaptionRule">Which texts CLIP-T was measured with.</param>
/// <param name="Combinations">Each combination's means.</param>
/// <param name="Models">The models measured with.</param>
public sealed record Concept101Metrics(
    Concept101CaptionRule CaptionRule, IReadOnlyList<Concept101CombinationMetrics> Combinations, IReadOnlyList<EvaluationModel> Models)
{
    /// <summary>DINO: the unweighted mean over combinations; null without a DINO encoder.</summary>
    public MetricEstimate? Dino => Estimate(c => c.Dino);

    /// <summary>CLIP-I: the unweighted mean over combinations; null without CLIP.</summary>
    public MetricEstimate? ClipI => Estimate(c => c.ClipI);

    /// <summary>CLIP-T by <see cref="Concept101.ClipTDefinition"/>: the unweighted mean over combinations; null without CLIP.</summary>
    public MetricEstimate? ClipT => Estimate(c => c.ClipT);

    /// <summary>Generated images.</summary>
    public int Images => Combinations.Sum(c => c.Images);

    /// <summary>The captions of which CLIP's text encoder saw the beginning alone, by the files' places.</summary>
    public IReadOnlyList<TruncatedPrompt> TruncatedCaptions { get; init; } = [];

    /// <summary>One line for each metric, with what was measured, how it is defined, and on how much.</summary>
    public override string ToString()
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"Concept101, {Combinations.Count} combinations, {Images} images (95 % intervals over combinations)");
        foreach ((string name, MetricEstimate? metric) in new[] { ("DINO", Dino), ("CLIP-I", ClipI), ("CLIP-T", ClipT) })
            if (metric is not null)
                text.AppendLine().Append(CultureInfo.InvariantCulture, $"{name,-13} {metric}");
        if (ClipT is not null)
            text.AppendLine().Append(Concept101.ClipTDefinition).AppendLine().Append(CultureInfo.InvariantCulture, $"captions: {CaptionRule} rule");
        return text.ToString();
    }

    private MetricEstimate? Estimate(Func<Concept101CombinationMetrics, double?> metric)
        => Combinations.Any(c => metric(c) is null) ? null : MetricEstimate.FromSubjects([.. Combinations.Select(c => metric(c)!.Value)]);
}
