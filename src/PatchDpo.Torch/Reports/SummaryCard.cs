using PatchDpo.Torch.Evaluation;

namespace PatchDpo.Torch.Reports;

/// <summary>A metric's mean with its interval, over the means that it is made from.</summary>
internal static class SummaryCard
{
    private const double Width = 240, Height = 34, Margin = 8, Middle = 13;

    /// <summary>Cards side by side.</summary>
    public static Html Cards(IEnumerable<Html> cards) => $"<div class=\"cards\">{cards}</div>";

    /// <summary>A card.</summary>
    /// <param name="definition">The metric.</param>
    /// <param name="estimate">Its mean and interval.</param>
    /// <param name="over">What the interval is over: "subjects".</param>
    /// <param name="values">The values of these.</param>
    public static Html Of(ScoreDefinition definition, MetricEstimate estimate, string over, IReadOnlyList<double> values) => $"""
        <div class="card"><h3>{definition.Link()}</h3>
        <p class="big">{estimate.Mean:F3}</p>
        <p>{Interval(estimate, "F3")} <span class="muted">over {values.Count} {(values.Count == 1 ? over.TrimEnd('s') : over)}</span></p>
        {Strip(estimate, over, values)}</div>

        """;

    /// <summary>An interval in words.</summary>
    public static Html Interval(MetricEstimate estimate, string format) => !double.IsFinite(estimate.Lower)
        ? Html.Raw("<span class=\"muted\">no interval: a single value</span>")
        : $"<span class=\"interval\">[{Html.Number(estimate.Lower, format)}, {Html.Number(estimate.Upper, format)}]</span>";

    // Each value as a dot, the interval as a bar, the mean as a line.
    private static Html Strip(MetricEstimate estimate, string over, IReadOnlyList<double> values)
    {
        double[] ends = [.. values.Append(estimate.Lower).Append(estimate.Upper).Where(double.IsFinite)];
        (double low, double high) = (ends.Min(), ends.Max());
        if (high - low < 1e-6)
            return Html.Empty;
        // As many as can be told apart.
        const int MostDots = 200;
        IEnumerable<double> shown = values.Count <= MostDots ? values
            : values.Order().Where((_, i) => i * (long)MostDots / values.Count != (i + 1) * (long)MostDots / values.Count);
        Html bar = double.IsFinite(estimate.Lower)
            ? $"""
                <rect class="bar" x="{X(estimate.Lower)}" y="{Html.Plain(Middle - 5)}" width="{Html.Plain((estimate.Upper - estimate.Lower) * Scale())}"
                height="10" rx="2"/>
                """
            : Html.Empty;
        return $"""
            <svg class="strip" viewBox="0 0 {Html.Plain(Width)} {Html.Plain(Height)}" role="img" aria-label="The {over}' values lie from {low:F3} to {high:F3}">
            {bar}{shown.Select(v => (Html)$"<circle cx=\"{X(v)}\" cy=\"{Html.Plain(Middle)}\" r=\"3\"/>")}
            <line class="mean" x1="{X(estimate.Mean)}" x2="{X(estimate.Mean)}" y1="{Html.Plain(Middle - 9)}" y2="{Html.Plain(Middle + 9)}"/>
            <text x="{Html.Plain(Margin)}" y="{Html.Plain(Height - 1)}">{low:F2}</text>
            <text class="end" x="{Html.Plain(Width - Margin)}" y="{Html.Plain(Height - 1)}">{high:F2}</text></svg>
            """;

        double Scale() => (Width - (2 * Margin)) / (high - low);

        Html X(double value) => Html.Plain(Margin + ((value - low) * Scale()));
    }
}
