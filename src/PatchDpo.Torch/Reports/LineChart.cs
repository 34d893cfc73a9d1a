using System.Globalization;

namespace PatchDpo.Torch.Reports;

/// <summary>A curve over a training's steps as inline SVG; its text keeps its size on a phone.</summary>
/// <param name="title">What it shows.</param>
/// <param name="points">Step and value, in the steps' order, at least one.</param>
internal sealed class LineChart(ScoreDefinition title, IReadOnlyList<(double X, double Y)> points)
{
    private const double Width = 360, Height = 210, Left = 52, Right = 12, Top = 10, Bottom = 34;
    private const int MostPoints = 240, SmoothedOver = 40;

    /// <summary>Whether the thick line is a mean over nearby points, and the points stand behind it.</summary>
    public bool IsSmoothed { get; init; }

    /// <summary>A step that is marked, and why; null: none.</summary>
    public (int Step, string Why)? Mark { get; init; }

    /// <summary>The chart with its heading.</summary>
    public Html Render()
    {
        (double X, double Y)[] raw = Thinned(points), line = IsSmoothed ? Thinned(Smoothed()) : raw;
        double[] ys = [.. raw.Concat(line).Select(p => p.Y)];
        (double low, double high) = (ys.Min(), ys.Max());
        if (high - low < 1e-12)
            (low, high) = (low - Math.Max(1e-6, Math.Abs(low) * 0.1), high + Math.Max(1e-6, Math.Abs(high) * 0.1));
        double[] ticksY = Ticks(low, high, 5);
        (low, high) = (Math.Min(low, ticksY[0]), Math.Max(high, ticksY[^1]));
        (double from, double to) = (points[0].X, Math.Max(points[^1].X, points[0].X + 1));
        (double X, double Y) first = line[0], last = line[^1];
        string words = string.Create(CultureInfo.InvariantCulture,
            $"{title.Title} from {first.Y:0.####} at step {first.X:0} to {last.Y:0.####} at step {last.X:0}");
        Html dots = line.Length <= 40 ? $"{line.Select(p => (Html)$"<circle cx=\"{X(p.X)}\" cy=\"{Y(p.Y)}\" r=\"3\"/>")}" : Html.Empty;
        Html marked = Mark is not (int step, string why) ? Html.Empty : $"""
            <line class="mark" x1="{X(step)}" x2="{X(step)}" y1="{Html.Plain(Top)}" y2="{Html.Plain(Height - Bottom)}"/><text class="{(step > (from + to) / 2 ? "end" : "start")}" x="{Html.Plain(At(step) + (step > (from + to) / 2 ? -4 : 4))}" y="{Html.Plain(Top + 9)}">{why}</text>
            """;
        return $"""
            <div class="chart"><h4>{title.Link()}</h4>
            <svg viewBox="0 0 {Html.Plain(Width)} {Html.Plain(Height)}" role="img" aria-label="{words}">
            {ticksY.Select(t => (Html)$"<line class=\"grid\" x1=\"{Html.Plain(Left)}\" x2=\"{Html.Plain(Width - Right)}\" y1=\"{Y(t)}\" y2=\"{Y(t)}\"/><text class=\"end\" x=\"{Html.Plain(Left - 6)}\" y=\"{Html.Plain(OfY(t) + 4)}\">{Short(t)}</text>")}
            {Ticks(from, to, 5).Select(t => (Html)$"<text class=\"middle\" x=\"{X(t)}\" y=\"{Html.Plain(Height - Bottom + 16)}\">{Short(t)}</text>")}
            <text class="end" x="{Html.Plain(Width - Right)}" y="{Html.Plain(Height - 3)}">step</text>
            {(IsSmoothed ? Path("raw", raw) : Html.Empty)}{Path("line", line)}{dots}{marked}
            </svg></div>

            """;

        Html Path(string kind, (double X, double Y)[] all)
            => $"<polyline class=\"{kind}\" points=\"{all.Select(p => (Html)$"{X(p.X)},{Y(p.Y)} ")}\"/>";

        double At(double x) => Left + ((x - from) / (to - from) * (Width - Left - Right));

        double OfY(double y) => Height - Bottom - ((y - low) / (high - low) * (Height - Top - Bottom));

        Html X(double x) => Html.Plain(At(x), "0.#");

        Html Y(double y) => Html.Plain(OfY(y), "0.#");
    }

    /// <summary>Round numbers within a range, a handful.</summary>
    internal static double[] Ticks(double low, double high, int about)
    {
        double rough = (high - low) / about, power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        double step = new[] { 1, 2, 5, 10 }.First(f => f * power >= rough * 0.999) * power;
        double first = Math.Ceiling((low / step) - 1e-9);
        double[] ticks = [.. Enumerable.Range(0, (int)Math.Floor((high / step) - first + 1e-9) + 1).Select(i => (first + i) * step)];
        return ticks.Length > 0 ? ticks : [low];
    }

    private static string Short(double value)
    {
        double size = Math.Abs(value);
        return size is >= 10_000 or (> 0 and < 0.001) ? value.ToString("0.#e0", CultureInfo.InvariantCulture)
            : value.ToString("0.####", CultureInfo.InvariantCulture);
    }

    private IReadOnlyList<(double X, double Y)> Smoothed()
    {
        // A mean over a window around each point: a fortieth of the course.
        int half = points.Count / SmoothedOver;
        double[] sums = new double[points.Count + 1];
        for (int i = 0; i < points.Count; i++)
            sums[i + 1] = sums[i] + points[i].Y;
        return [.. points.Select((p, i) =>
        {
            (int start, int end) = (Math.Max(0, i - half), Math.Min(points.Count, i + half + 1));
            return (p.X, (sums[end] - sums[start]) / (end - start));
        })];
    }

    // As many as the drawing has room for; of each stretch its mean.
    private static (double X, double Y)[] Thinned(IReadOnlyList<(double X, double Y)> all) => all.Count <= MostPoints ? [.. all]
        : [.. all.Chunk((all.Count + MostPoints - 1) / MostPoints).Select(c => (c[c.Length / 2].X, c.Average(p => p.Y)))];
}
