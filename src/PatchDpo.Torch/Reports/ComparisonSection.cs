using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Torch.Reports;

/// <summary>The page's part of two evaluations of the same images.</summary>
/// <param name="before">The first.</param>
/// <param name="after">The second.</param>
/// <param name="heatMaps">Scores patches; null: no heat maps.</param>
/// <param name="options">How pictures are shown.</param>
internal sealed class ComparisonSection(EvaluationReport before, EvaluationReport after, PatchQualityEstimator? heatMaps, PictureOptions options)
{
    private const string Signed = "+0.000;-0.000;0.000";

    private readonly EvaluationComparison _comparison = EvaluationComparison.Of(before, after);

    private string Ranking => ScoreDefinition.Of(_comparison.Ranking).Name;

    /// <summary>The section.</summary>
    public ReportSection Build()
    {
        IReadOnlyList<ComparedImage> images = _comparison.Images;
        ComparedImage[] there = [.. images.Where(i => HasFiles(before, i.Before.Row) && HasFiles(after, i.After.Row))];
        ComparedImage[] lost = [.. there.Where(i => i.Change < 0).Take(options.Most)];
        ComparedImage[] shown = [.. lost, .. there.Where(i => i.Change > 0).Reverse().Take(options.Most - lost.Length)];
        PictureSet pictures = Pictures(shown);
        int better = images.Count(i => i.Change > 0), worse = images.Count(i => i.Change < 0);
        string anchor = options.Anchor;
        Html body = $"""
            <p>{images.Count} images of {_comparison.Subjects} {(_comparison.Subjects == 1 ? "subject" : "subjects")} are in both:
            by {Ranking} <b>{better}</b> got better,
            <b>{worse}</b> got worse, {images.Count - better - worse} stayed.</p>
            {Only("Images in the first alone", _comparison.OnlyBefore)}{Only("Images in the second alone", _comparison.OnlyAfter)}
            {SummaryCard.Cards(_comparison.Metrics.Select(Card))}
            {Subjects()}
            {Changed(pictures, lost.Length, shown.Length - lost.Length, worse, better)}
            <h3 id="{anchor}-all">All images</h3>
            {Table(shown, pictures)}
            """;
        List<(string, string)> links = [($"{anchor}-all", "All images")];
        if (shown.Length > 0)
            links.Insert(0, ($"{anchor}-worst", "What changed"));
        return new ReportSection(anchor, "Before and after", body, links,
            [
                .. _comparison.Metrics.Select(m => ScoreDefinition.Of(m.Metric)), ScoreDefinition.Interval,
                .. heatMaps is null ? [] : new[] { ScoreDefinition.PatchQuality },
            ]);
    }

    private static bool HasFiles(EvaluationReport report, int place) => report.Files.ElementAtOrDefault(place)?.All.All(File.Exists) == true;

    private static Html Only(string title, IReadOnlyList<string> names) => names.Count == 0 ? Html.Empty : $"""
        <details class="files"><summary>{title}: {names.Count}</summary><ul>{names.Select(n => (Html)$"<li><bdi>{n}</bdi></li>")}</ul></details>
        """;

    private Html Card(MetricChange metric)
    {
        (string kind, string words) = (metric.Change.Lower, metric.Change.Upper) switch
        {
            ( > 0, _) => ("better", "better"),
            (_, < 0) => ("worse", "worse"),
            _ => ("same", "no clear change: the interval holds 0"),
        };
        if (!double.IsFinite(metric.Change.Lower))
            words = "no interval: a single value";
        return $"""
            <div class="card {kind}"><h3>{ScoreDefinition.Of(metric.Metric).Link()}</h3>
            <p class="big">{Html.Number(metric.Change.Mean, Signed)}</p>
            <p>{SummaryCard.Interval(metric.Change, Signed)} <span class="muted">over {_comparison.IntervalsOver}</span></p>
            <p class="muted">{metric.Before:F3} before, {metric.After:F3} after</p>
            <p class="verdict">{words}</p></div>

            """;
    }

    private Html Subjects()
    {
        if (_comparison.Subjects < 2)
            return Html.Empty;
        var table = new DataTable($"{options.Anchor}-subjects", $"Subjects, by how {Ranking} changed, the greatest loss first",
            [.. Columns(), ($"Images", "0")]) { Kind = "Subject" };
        foreach (IGrouping<string, ComparedImage> s in _comparison.Images.GroupBy(i => i.Before.Subject).OrderBy(s => s.Average(i => i.Change)))
            table.Add(new DataRow(s.Key, "", "", [.. Values(s), s.Count()]));
        return $"<h3>Subjects</h3>{table.Render()}";
    }

    private IEnumerable<(Html, string)> Columns() =>
    [
        ($"{ScoreDefinition.Of(_comparison.Ranking).Title}, before", "F3"), ($"after", "F3"), ($"change", Signed),
        .. Others().Select(m => ((Html)$"{ScoreDefinition.Of(m).Title}, change", Signed)),
    ];

    private IEnumerable<PersonalizationMetric> Others() => _comparison.Metrics.Select(m => m.Metric).Where(m => m != _comparison.Ranking);

    private IEnumerable<double?> Values(IEnumerable<ComparedImage> images)
    {
        PersonalizationMetric ranking = _comparison.Ranking;
        return
        [
            images.Average(i => i.Before.Find(ranking)), images.Average(i => i.After.Find(ranking)), images.Average(i => i.Change),
            .. Others().Select(m => images.Average(i => i.After.Find(m) - i.Before.Find(m))),
        ];
    }

    private Html Changed(PictureSet pictures, int lost, int won, int worse, int better)
    {
        if (lost + won == 0)
        {
            string why = options.Most == 0 ? "none were asked for" : worse + better == 0 ? "nothing changed"
                : "the images' files are not where the scores name them";
            return $"<p class=\"muted\">No pictures: {why}.</p>";
        }
        string intro = string.Join(" Then ", new[] { Words(lost, worse, "worse", "loss"), Words(won, better, "better", "gain") }.Where(w => w.Length > 0));
        return $"""
            <h3 id="{options.Anchor}-worst">What changed</h3>
            {pictures.Render($"{intro} By {Ranking}; all images are in the table below.")}
            """;

        static string Words(int shown, int all, string kind, string change) => shown == 0 ? ""
            : $"{shown} of {all} {(all == 1 ? "image" : "images")} that got {kind}, the greatest {change} first.";
    }

    private Html Table(ComparedImage[] shown, PictureSet pictures)
    {
        var table = new DataTable($"{options.Anchor}-images",
            $"{_comparison.Images.Count} images, by how {Ranking} changed, the greatest loss first", [.. Columns()]);
        foreach (ComparedImage image in _comparison.Images)
        {
            int place = Array.IndexOf(shown, image);
            table.Add(new DataRow(image.Name, image.Before.Subject, image.Before.Prompt, [.. Values([image])], place >= 0 ? pictures.AnchorOf(place) : null));
        }
        return table.Render();
    }

    private PictureSet Pictures(ComparedImage[] images)
    {
        var pictures = new PictureSet(options);
        foreach (ComparedImage image in images)
        {
            (EvaluatedPictures First, EvaluatedPictures Second)? maps = heatMaps is null ? null
                : (EvaluatedPictures.Score(before.Rows!(image.Before.Row), heatMaps), EvaluatedPictures.Score(after.Rows!(image.After.Row), heatMaps));
            PersonalizationMetric m = _comparison.Ranking;
            Html scores = $"<b>{image.Before.Find(m):F3}</b> → <b>{image.After.Find(m):F3}</b> ({Html.Number(image.Change, Signed)})";
            Html facts = MetricSet.Facts(
                [(Html)$"<span>{ScoreDefinition.Of(m).Title} {scores}</span>"],
                image.Before.Subject, image.Before.Prompt);
            pictures.Add(image.Name, facts, maps is null ? [] : [.. maps.Value.First.Maps, .. maps.Value.Second.Maps], maps?.Second.Worst ?? [],
                "Worst patches after", () =>
            {
                (EvaluationRow first, EvaluationRow second) = (before.Rows!(image.Before.Row), after.Rows!(image.After.Row));
                return maps is not { } both
                    ? [EvaluatedPictures.WithoutMaps(first)[0], new Pane("Before", first.Generated), new Pane("After", second.Generated)]
                    : [new Pane("Reference", second.References[both.Second.Photo]), both.First.GeneratedPane(first, "Before"),
                        both.Second.GeneratedPane(second, "After")];
            });
        }
        return pictures;
    }
}
