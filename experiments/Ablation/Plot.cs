using OxyPlot;
using OxyPlot.Annotations;
using OxyPlot.Axes;
using OxyPlot.Legends;
using OxyPlot.Series;
using OxyPlot.SkiaSharp;
using PatchDpo.Torch.Evaluation;

namespace Ablation;

/// <summary>
/// Consistency against text alignment: each method's change from the base, with 95 % intervals, and a line to where a weaker image prompt has the
/// base's text alignment.
/// </summary>
internal static class Plot
{
    private static readonly MarkerType[] Markers = [MarkerType.Circle, MarkerType.Square, MarkerType.Triangle, MarkerType.Diamond];

    private static readonly OxyColor[] Colors =
        [OxyColors.SteelBlue, OxyColors.DarkOrange, OxyColors.SeaGreen, OxyColors.SlateGray, OxyColors.MediumVioletRed, OxyColors.SaddleBrown, OxyColors.Teal,
            OxyColors.Olive, OxyColors.Black];

    public static void Write(Finished finished, string path)
    {
        Results results = finished.Results;
        IReadOnlyList<Outcome> start = results.Full(Method.Base);
        (Method Method, (MetricEstimate Text, MetricEstimate Consistency) Full,
            (MetricEstimate Text, MetricEstimate Consistency) Weaker)[] changes = results.Methods.Select(m
            => (Method: m, Full: Change(results.Full(m)), Weaker: Change(results.WithBasesText(m)))).ToArray();
        (MetricEstimate Text, MetricEstimate Consistency) Change(IReadOnlyList<Outcome> outcomes)
            => (Results.Difference(outcomes, start, o => o.ClipT), Results.Difference(outcomes, start, o => o.Dino));

        var model = new PlotModel
        {
            Title = finished.Comparison.Title,
            Subtitle = "change from the base at full strength, 95 % intervals; lines lead to the base's text alignment",
            Background = OxyColors.White,
            DefaultFont = "DejaVu Sans",
        };
        model.Axes.Add(Axis(AxisPosition.Bottom, "text alignment (CLIP-T)", changes.SelectMany(c => new[] { c.Full.Text, c.Weaker.Text })));
        model.Axes.Add(Axis(AxisPosition.Left, "consistency with the reference (DINO)",
            changes.SelectMany(c => new[] { c.Full.Consistency, c.Weaker.Consistency })));
        model.Legends.Add(new Legend { LegendPlacement = LegendPlacement.Outside, LegendPosition = LegendPosition.BottomCenter,
            LegendOrientation = LegendOrientation.Vertical });
        model.Annotations.Add(new LineAnnotation { Type = LineAnnotationType.Vertical, X = 0, Color = OxyColors.Gray });
        model.Annotations.Add(new LineAnnotation { Type = LineAnnotationType.Horizontal, Y = 0, Color = OxyColors.Gray });
        for (int i = 0; i < changes.Length; i++)
        {
            (Method method, (MetricEstimate Text, MetricEstimate Consistency) full, (MetricEstimate Text, MetricEstimate Consistency) weaker) = changes[i];
            bool main = method == finished.Comparison.PatchDpo;
            OxyColor color = main ? OxyColors.Red : Colors[i % Colors.Length];
            var line = new LineSeries { Color = color, StrokeThickness = main ? 2 : 1 };
            line.Points.AddRange([new DataPoint(full.Text.Mean, full.Consistency.Mean), new DataPoint(weaker.Text.Mean, weaker.Consistency.Mean)]);
            model.Series.Add(line);
            var series = new ScatterErrorSeries
            {
                Title = method.Name,
                MarkerType = Markers[i % Markers.Length],
                MarkerSize = main ? 7 : 4,
                MarkerFill = color,
                ErrorBarColor = color,
                ErrorBarStrokeThickness = 1,
            };
            (MetricEstimate x, MetricEstimate y) = full;
            // OxyPlot draws half of a width to each side.
            series.Points.Add(new ScatterErrorPoint(x.Mean, y.Mean, High(x) - Low(x), High(y) - Low(y)));
            model.Series.Add(series);
        }

        using FileStream stream = File.Create(path);
        new PngExporter { Width = 900, Height = 900, UseTextShaping = false }.Export(model, stream);
    }

    // OxyPlot's own ranges leave the intervals out. The base, at 0, is always in.
    private static LinearAxis Axis(AxisPosition position, string title, IEnumerable<MetricEstimate> changes)
    {
        double low = Math.Min(0, changes.Min(Low)), high = Math.Max(0, changes.Max(High)), margin = 0.05 * (high - low);
        return new LinearAxis { Position = position, Title = title, MajorGridlineStyle = LineStyle.Dot, Minimum = low - margin, Maximum = high + margin };
    }

    // A single seed has no interval.
    private static double Low(MetricEstimate estimate) => double.IsNaN(estimate.Lower) ? estimate.Mean : estimate.Lower;

    private static double High(MetricEstimate estimate) => double.IsNaN(estimate.Upper) ? estimate.Mean : estimate.Upper;
}
