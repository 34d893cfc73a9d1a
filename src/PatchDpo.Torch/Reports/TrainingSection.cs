using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.Reports;

/// <summary>The page's part of a training.</summary>
/// <param name="log">Its course.</param>
/// <param name="options">How pictures are shown.</param>
internal sealed class TrainingSection(TrainingLog log, PictureOptions options)
{
    private readonly PersonalizationMetric[] _measured = [.. Enum.GetValues<PersonalizationMetric>().Where(m => log.Probes.Any(p => p.Find(m) is not null))];

    /// <summary>The section.</summary>
    public ReportSection Build()
    {
        TrainingLogStep last = log.Steps[^1];
        int spikes = log.Steps.Count(s => s.IsSpike);
        string anchor = options.Anchor;
        var rate = new LineChart(ScoreDefinition.LearningRate, Points(s => s.LearningRate));
        string time = TimeSpan.FromSeconds(last.Seconds).ToString(last.Seconds < 86_400 ? @"h\:mm\:ss" : @"d\ \d\a\y\s\ h\:mm");
        Html body = $"""
            <p class="muted">{last.Step} steps; {time} since the training began or went on,
            {last.PairsPerSecond:0.##} pairs a second{(spikes > 0 ? $"; {spikes} spikes were not taken" : "")}.</p>
            <div class="charts">
            {Curve(ScoreDefinition.Loss, s => s.Loss)}{Curve(ScoreDefinition.Gradients, s => s.GradientNorm)}{rate.Render()}
            </div>
            {Probes()}
            """;
        return new ReportSection(anchor, "Training", body, _measured.Length > 0 ? [($"{anchor}-probes", "Probes")] : [],
            [
                ScoreDefinition.Loss, ScoreDefinition.Gradients, ScoreDefinition.LearningRate,
                .. _measured.Length > 0 ? _measured.Select(ScoreDefinition.Of).Append(ScoreDefinition.Probe) : [],
            ]);
    }

    private Html Curve(ScoreDefinition title, Func<TrainingLogStep, double> value) => new LineChart(title, Points(value)) { IsSmoothed = true }.Render();

    // A spike's numbers may not be finite.
    private IReadOnlyList<(double, double)> Points(Func<TrainingLogStep, double> value)
        => [.. log.Steps.Select(s => ((double)s.Step, value(s))).Where(p => double.IsFinite(p.Item2)).DefaultIfEmpty((log.Steps[0].Step, 0))];

    private Html Probes()
    {
        if (_measured.Length == 0)
            return Html.Empty;
        int best = log.Probes[^1].BestStep;
        return $"""
            <h3 id="{options.Anchor}-probes">Probes</h3>
            <p>The best step is <b>{best}</b> of {log.Probes.Count} that were measured.</p>
            <div class="charts">{_measured.Select(m => Chart(m, best).Render())}</div>
            <div class="scroll" role="region" aria-label="Probes" tabindex="0">
            <table class="data plain"><caption>Probes by step; step 0 is before training</caption>
            <thead><tr><th scope="col">Step</th>{_measured.Select(m => (Html)$"<th scope=\"col\">{ScoreDefinition.Of(m).Link()}</th>")}</tr></thead>
            <tbody>{log.Probes.Select(p => Row(p, best))}</tbody></table></div>
            {Grids(best)}
            """;
    }

    private LineChart Chart(PersonalizationMetric metric, int best) => new(ScoreDefinition.Of(metric),
        [.. log.Probes.Where(p => p.Find(metric) is not null).Select(p => ((double)p.Step, p.Find(metric)!.Value))]) { Mark = (best, $"best: {best}") };

    private Html Row(TrainingLogProbe probe, int best) => $"""
        <tr{(probe.Step == best ? Html.Raw(" class=\"best\"") : Html.Empty)}><th scope="row">{probe.Step}{(probe.Step == best ? ", the best" : "")}</th>
        {_measured.Select(m => (Html)$"<td class=\"number\">{probe.Find(m):F4}</td>")}</tr>

        """;

    // Before training, at the best step and at the end: what changed.
    private Html Grids(int best)
    {
        TrainingLogProbe[] shown = [.. log.Probes.Where((p, i) => i == 0 || p.Step == best || i == log.Probes.Count - 1).Where(p => FileOf(p) is not null)];
        if (shown.Length == 0 || options.Most == 0)
            return Html.Empty;
        return $"""
            <h4>Pictures of the probes</h4>
            <div class="grids">{shown.Select(p => Grid(p, Caption(p.Step)))}</div>
            """;

        string Caption(int step) => step == 0 ? "Before training" : step == best ? $"Step {step}, the best" : $"Step {step}, the last";
    }

    private Html Grid(TrainingLogProbe probe, string caption)
    {
        ImageBuffer grid = ImageFile.Load(FileOf(probe)!);
        // A grid of many rows keeps its width and loses its end.
        const int MostHeight = 4_000;
        if (grid.Height > MostHeight)
            grid = grid.Crop(0, 0, grid.Width, MostHeight);
        return $"""
            <figure><img src="{PictureData.Uri(grid)}" width="{grid.Width}" height="{grid.Height}" alt="References and pictures of the probe, {caption}"
            decoding="async"><figcaption>{caption}</figcaption></figure>

            """;
    }

    private string? FileOf(TrainingLogProbe probe)
        => probe.Grid is string name && Path.GetFileName(name) == name && Path.Combine(log.Folder, name) is string path && File.Exists(path) ? path : null;
}
