using OxyPlot;
using OxyPlot.Annotations;
using OxyPlot.Axes;
using OxyPlot.Legends;
using OxyPlot.Series;
using OxyPlot.SkiaSharp;
using PatchDpo.Torch.Evaluation;

namespace Ablation;

/// <summary>Consistency against text alignment: each method's change from the base, with 95 % intervals.</summary>
internal static class Plot
{
    private static readonly MarkerType[] s_markers = [MarkerType.Circle, MarkerType.Square, MarkerType.Triangle, MarkerType.Diamond];

    // Room for the intervals, which OxyPlot leaves out of its ranges.
    private const double Margin = 0.4;

    public static void Write(Results results, string path)
    {
        var model = new PlotModel { Title = "Change from the base model", Background = OxyColors.White, DefaultFont = "DejaVu Sans" };
        model.Axes.Add(new LinearAxis { Position = AxisPosition.Bottom, Title = "text alignment (CLIP-T)", MajorGridlineStyle = LineStyle.Dot, MinimumPadding = Margin, MaximumPadding = Margin });
        model.Axes.Add(new LinearAxis { Position = AxisPosition.Left, Title = "consistency with the reference (DINO)", MajorGridlineStyle = LineStyle.Dot, MinimumPadding = Margin, MaximumPadding = Margin });
        model.Legends.Add(new Legend { LegendPlacement = LegendPlacement.Outside, LegendPosition = LegendPosition.BottomCenter, LegendOrientation = LegendOrientation.Vertical });
        model.Annotations.Add(new LineAnnotation { Type = LineAnnotationType.Vertical, X = 0, Color = OxyColors.Gray });
        model.Annotations.Add(new LineAnnotation { Type = LineAnnotationType.Horizontal, Y = 0, Color = OxyColors.Gray });
        int index = 0;
        foreach (Method method in results.Methods.Where(m => m.Objective is not null))
        {
            MetricEstimate x = results.Difference(method, results.Base, o => o.ClipT);
            MetricEstimate y = results.Difference(method, results.Base, o => o.Dino);
            var series = new ScatterErrorSeries { Title = method.Name, MarkerType = s_markers[index++ % s_markers.Length], MarkerSize = method == results.PatchDpo ? 7 : 4, ErrorBarStrokeThickness = 1 };
            series.Points.Add(new ScatterErrorPoint(x.Mean, y.Mean, Width(x), Width(y)));
            model.Series.Add(series);
        }

        using FileStream stream = File.Create(path);
        new PngExporter { Width = 900, Height = 900, UseTextShaping = false }.Export(model, stream);
    }

    // OxyPlot draws half of it to each side; a single seed has no interval.
    private static double Width(MetricEstimate estimate) => double.IsNaN(estimate.Upper) ? 0 : estimate.Upper - estimate.Lower;
}
