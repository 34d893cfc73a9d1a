using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Torch.Reports;

/// <summary>The page's part of one evaluation.</summary>
/// <param name="evaluation">What was measured.</param>
/// <param name="rows">Gives a row's images; null: no pictures.</param>
/// <param name="heatMaps">Scores patches; null: no heat maps.</param>
/// <param name="options">How pictures are shown.</param>
internal sealed class EvaluationSection(
    EvaluationReport evaluation, Func<int, EvaluationRow>? rows, PatchQualityEstimator? heatMaps, PictureOptions options)
{
    private readonly PersonalizationMetrics _metrics = evaluation.Metrics;
    private readonly IReadOnlyList<PersonalizationMetric> _measured = MetricSet.Of(evaluation.Metrics);

    /// <summary>The section.</summary>
    public ReportSection Build()
    {
        ImageMetrics[] images = [.. _metrics.ImageMetrics.Index().OrderBy(i => i.Item.Find(_measured[0])).Select(i => i.Item with { Row = i.Index })];
        int shown = rows is null ? 0 : Math.Min(options.Most, images.Length);
        PictureSet pictures = Pictures(images[..shown]);
        string anchor = options.Anchor;
        Html body = $"""
            <p class="muted">{_metrics.Images} images of {_metrics.Subjects.Count} {(_metrics.Subjects.Count == 1 ? "subject" : "subjects")}, {_metrics.Pairs} pairs of an image and a photo; {(_metrics.Setting == DreamBenchSetting.Original ? "each image against all photos of its subject" : "each image against one chosen photo (Kosmos-G setting)")}{Seed()}.</p>
            {Missing("Missing, and not evaluated", evaluation.MissingFiles)}{Missing("There, and left out", evaluation.StrayFiles)}{Cut()}
            {SummaryCard.Cards(_measured.Select(Card))}
            {Subjects()}
            {Worst(pictures, shown, images.Length)}
            <h3 id="{anchor}-all">All images</h3>
            {Table(images, shown, pictures)}
            """;
        List<(string, string)> links = [($"{anchor}-all", "All images")];
        if (shown > 0)
            links.Insert(0, ($"{anchor}-worst", "Worst images"));
        return new ReportSection(anchor, "Evaluation", body, links,
            [.. _measured.Select(ScoreDefinition.Of), ScoreDefinition.Interval, .. heatMaps is null ? [] : new[] { ScoreDefinition.PatchQuality }]);
    }

    private Html Card(PersonalizationMetric metric) => SummaryCard.Of(
        ScoreDefinition.Of(metric), _metrics.Find(metric)!, _metrics.IntervalsOver,
        _metrics.Subjects.Count > 1 ? [.. _metrics.Subjects.Select(s => s.Find(metric)!.Value)]
            : [.. _metrics.ImageMetrics.Select(i => i.Find(metric)!.Value)]);

    private string Seed() => _metrics.GenerationSeed is int seed ? $"; generated with seed {seed}" : "";

    private static Html Missing(string title, IReadOnlyList<string> files) => files.Count == 0 ? Html.Empty : $"""
        <details class="files"><summary>{title}: {files.Count}</summary><ul>{files.Select(f => (Html)$"<li><bdi>{f}</bdi></li>")}</ul></details>
        """;

    private Html Cut() => _metrics.TruncatedPrompts.Count == 0 ? Html.Empty
        : $"<p class=\"muted\">{_metrics.TruncatedPrompts.Count} prompts are longer than CLIP reads; CLIP-T was measured on their beginnings.</p>";

    private Html Subjects()
    {
        if (_metrics.Subjects.Count < 2)
            return Html.Empty;
        var table = new DataTable($"{options.Anchor}-subjects", "Subjects, the lowest first",
            [.. _measured.Select(m => (ScoreDefinition.Of(m).Link(), "F3")), ($"Images", "0")]) { Kind = "Subject" };
        foreach (SubjectMetrics s in _metrics.Subjects.OrderBy(s => s.Find(_measured[0])))
            table.Add(new DataRow(s.Subject, "", "", [.. _measured.Select(s.Find), s.Images]));
        return $"<h3>Subjects</h3>{table.Render()}";
    }

    private Html Worst(PictureSet pictures, int shown, int all)
    {
        if (shown == 0)
            return Html.Empty;
        string which = shown == all ? $"All {all} images" : $"The {shown} worst of {all} images";
        string model = _metrics.Models.FirstOrDefault(m => m.Role == "patch quality")?.Name is string name ? $" Patch features: {name}." : "";
        return $"""
            <h3 id="{options.Anchor}-worst">Worst images</h3>
            {pictures.Render($"{which}, by {ScoreDefinition.Of(_measured[0]).Name}, the worst first{(shown < all ? "; the others are in the table below" : "")}.{(heatMaps is null ? "" : model)}")}
            """;
    }

    private Html Table(ImageMetrics[] images, int shown, PictureSet pictures)
    {
        string pictured = shown > 0 && shown < images.Length ? $"; the first {shown} lead to their pictures" : "";
        var table = new DataTable($"{options.Anchor}-images", $"{images.Length} images, the worst first by {ScoreDefinition.Of(_measured[0]).Name}{pictured}",
            [.. _measured.Select(m => (ScoreDefinition.Of(m).Link(), "F3"))]);
        for (int i = 0; i < images.Length; i++)
        {
            ImageMetrics image = images[i];
            table.Add(new DataRow(evaluation.NameOf(image.Row), image.Subject, image.Prompt, [.. _measured.Select(image.Find)],
                i < shown ? pictures.AnchorOf(i) : null));
        }
        return table.Render();
    }

    private PictureSet Pictures(IReadOnlyList<ImageMetrics> worst)
    {
        var pictures = new PictureSet(options);
        foreach (ImageMetrics image in worst)
        {
            EvaluatedPictures? maps = heatMaps is null ? null : EvaluatedPictures.Score(rows!(image.Row), heatMaps);
            Html facts = MetricSet.Facts(
                _measured.Select(m => (Html)$"<span>{ScoreDefinition.Of(m).Title} <b>{image.Find(m):F3}</b></span>"), image.Subject, image.Prompt);
            pictures.Add(evaluation.NameOf(image.Row), facts, maps?.Maps ?? [], maps?.Worst ?? [], "Worst patches of the generation", () =>
            {
                EvaluationRow row = rows!(image.Row);
                return maps is null ? EvaluatedPictures.WithoutMaps(row) : [maps.ReferencePane(row), maps.GeneratedPane(row, "Generation")];
            });
        }
        return pictures;
    }
}
