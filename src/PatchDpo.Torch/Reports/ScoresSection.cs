using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Torch.Reports;

/// <summary>The page's part of scored pairs.</summary>
/// <param name="pairs">The pairs, at least one.</param>
/// <param name="options">How pictures are shown.</param>
internal sealed class ScoresSection(IReadOnlyList<ScoredImagePair> pairs, PictureOptions options)
{
    /// <summary>The section.</summary>
    public ReportSection Build()
    {
        ScoredImagePair[] worst = [.. pairs.OrderBy(p => p.Quality.Score)];
        int shown = Math.Min(options.Most, worst.Length);
        PictureSet pictures = Pictures(worst[..shown]);
        IGrouping<string, ScoredImagePair>[] subjects = [.. pairs.GroupBy(p => p.Subject)];
        string over = subjects.Length > 1 ? "subjects" : "pairs", anchor = options.Anchor;
        Html body = $"""
            <p class="muted">{pairs.Count} {(pairs.Count == 1 ? "pair" : "pairs")} of a generated image and a reference{(subjects.Length > 1 ? $", {subjects.Length} subjects" : "")}.</p>
            {SummaryCard.Cards([
                Card(ScoreDefinition.PatchQuality, p => p.Quality.Score),
                Card(ScoreDefinition.Found with { Title = "Found in the reference" }, p => p.Quality.Generated.Mean()),
                Card(ScoreDefinition.Found with { Title = "Found in the generation" }, p => p.Quality.Reference.Mean()),
            ])}
            {Subjects(subjects)}
            {Worst(pictures, shown)}
            <h3 id="{anchor}-all">All pairs</h3>
            {Table(worst, shown, pictures)}
            """;
        List<(string, string)> links = [($"{anchor}-all", "All pairs")];
        if (shown > 0)
            links.Insert(0, ($"{anchor}-worst", "Worst pairs"));
        return new ReportSection(anchor, "Patch quality", body, links, [ScoreDefinition.PatchQuality, ScoreDefinition.Found, ScoreDefinition.Interval]);

        Html Card(ScoreDefinition definition, Func<ScoredImagePair, double> value)
        {
            double[] values = subjects.Length > 1 ? [.. subjects.Select(s => s.Average(value))] : [.. pairs.Select(value)];
            return SummaryCard.Of(definition, MetricEstimate.FromSubjects(values), over, values);
        }
    }

    private Html Subjects(IReadOnlyList<IGrouping<string, ScoredImagePair>> subjects)
    {
        if (subjects.Count < 2)
            return Html.Empty;
        var table = new DataTable($"{options.Anchor}-subjects", "Subjects, the lowest first",
            [(ScoreDefinition.PatchQuality.Link(), "F3"), ($"lowest", "F3"), ($"Pairs", "0")]) { Kind = "Subject" };
        foreach (IGrouping<string, ScoredImagePair> s in subjects.OrderBy(s => s.Average(p => p.Quality.Score)))
            table.Add(new DataRow(s.Key, "", "", [s.Average(p => p.Quality.Score), s.Min(p => p.Quality.Score), s.Count()]));
        return $"<h3>Subjects</h3>{table.Render()}";
    }

    private Html Worst(PictureSet pictures, int shown)
    {
        if (shown == 0)
            return Html.Empty;
        string which = shown == pairs.Count ? $"All {shown} pairs" : $"The {shown} worst of {pairs.Count} pairs";
        return $"""
            <h3 id="{options.Anchor}-worst">Worst pairs</h3>
            {pictures.Render($"{which}, by patch quality, the worst first{(shown < pairs.Count ? "; the others are in the table below" : "")}.")}
            """;
    }

    private Html Table(ScoredImagePair[] worst, int shown, PictureSet pictures)
    {
        string pictured = shown > 0 && shown < worst.Length ? $"; the first {shown} lead to their pictures" : "";
        var table = new DataTable($"{options.Anchor}-images", $"{worst.Length} pairs, the worst first by patch quality{pictured}",
            [
                (ScoreDefinition.PatchQuality.Link(), "F3"), (ScoreDefinition.Found.Link("Found in the reference"), "F3"),
                (ScoreDefinition.Found.Link("Found in the generation"), "F3"), ($"Worst patch", "F3"),
            ]) { Kind = "Pair" };
        for (int i = 0; i < worst.Length; i++)
        {
            ScoredImagePair pair = worst[i];
            table.Add(new DataRow(NameOf(pair), pair.Subject, pair.Prompt,
                [
                    pair.Quality.Score, pair.Quality.Generated.Mean(), pair.Quality.Reference.Mean(),
                    pair.Quality.Generated.Values.Min(),
                ], i < shown ? pictures.AnchorOf(i) : null));
        }
        return table.Render();
    }

    private PictureSet Pictures(ScoredImagePair[] worst)
    {
        var pictures = new PictureSet(options);
        foreach (ScoredImagePair pair in worst)
        {
            EvaluationRow row = pair.Images();
            (bool[,]? mask, bool[,]? ofReference) = (row.GeneratedMask, row.ReferenceMasks?[0]);
            IReadOnlyList<WorstPatch> patches = WorstPatch.Find(
                pair.Quality.Generated, row.Generated.Width, row.Generated.Height, PictureSet.NamedPatches, mask);
            Html facts = MetricSet.Facts([(Html)$"<span>patch quality <b>{pair.Quality.Score:F3}</b></span>"], pair.Subject, pair.Prompt);
            (QualityMap, bool[,]?)[] maps = [(pair.Quality.Generated, mask), (pair.Quality.Reference, ofReference)];
            pictures.Add(NameOf(pair), facts, maps, patches, "Worst patches of the generation", () =>
            {
                EvaluationRow shown = pair.Images();
                return
                [
                    new Pane("Reference", shown.References[0], "Heat map: found in the generation", pair.Quality.Reference, ofReference),
                    new Pane("Generation", shown.Generated, "Heat map: found in the reference", pair.Quality.Generated, mask, patches),
                ];
            });
        }
        return pictures;
    }

    private static string NameOf(ScoredImagePair pair) => pair.ReferenceName.Length == 0 ? pair.Name : $"{pair.Name} ← {pair.ReferenceName}";
}
