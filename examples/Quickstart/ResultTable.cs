using PatchDpo.Torch.Evaluation;

namespace Quickstart;

/// <summary>Prints what fine-tuning changed on held-out subjects.</summary>
internal static class ResultTable
{
    /// <summary>Prints each metric before, after and the paired difference with its 95 % interval.</summary>
    public static void Print(PersonalizationMetrics before, PersonalizationMetrics after, double? wrongBefore, double? wrongAfter)
    {
        Console.WriteLine();
        Console.WriteLine($"Held out: {after.Subjects.Count} subjects, {after.Images} images; {after.Setting} setting; differences paired by subject, 95 % intervals");
        Console.WriteLine($"  {"",-28}{"before",8}{"after",8}{"change",9}   95 % interval");
        Line("DINO (same object)", before.Dino, after.Dino, s => s.Dino);
        Line("CLIP-I (same object)", before.ClipI, after.ClipI, s => s.ClipI);
        Line("similarity by ResNet-18", before.SubjectSimilarity, after.SubjectSimilarity, s => s.SubjectSimilarity);
        Line("patch quality", before.PatchQuality, after.PatchQuality, s => s.PatchQuality);
        Line("CLIP-T (follows the prompt)", before.ClipT, after.ClipT, s => s.ClipT);
        if (wrongBefore is double b && wrongAfter is double a)
            Console.WriteLine($"  {"parts of a wrong colour",-28}{b,8:P0}{a,8:P0}{a - b,9:+0%;-0%}   (the drawing knows the truth)");

        void Line(string name, MetricEstimate? x, MetricEstimate? y, Func<SubjectMetrics, double?> metric)
        {
            if (x is null || y is null)
                return;
            MetricEstimate change = PairedDifference.Compute(before, after, metric);
            Console.WriteLine($"  {name,-28}{x.Mean,8:F3}{y.Mean,8:F3}{Signed(change.Mean),9}   [{Signed(change.Lower)}, {Signed(change.Upper)}]");
        }
    }

    // Rounded first: a small negative number would come out as "-+0.000".
    private static string Signed(double value) => Math.Round(value, 3).ToString("+0.000;-0.000;0.000");
}
