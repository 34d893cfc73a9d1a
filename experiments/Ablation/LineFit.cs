using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;

namespace Ablation;

/// <summary>Finds the lines of <see cref="ObjectAlignment"/>: from an aligned object's divided map to how likely a patch is right.</summary>
internal static class LineFit
{
    // Divided maps as they are, but for what is below 0 or above 2.
    private const float Top = 2;

    /// <summary>
    /// Prints the lines, clamped to [0, 1], that are nearest to right and wrong patches by the mean square of what they miss: of objects in place and of
    /// others.
    /// </summary>
    /// <param name="cases">Pairs with planted faults, of a seed of no table.</param>
    /// <param name="generated">The faulty images.</param>
    public static void Print(IReadOnlyList<TrainingCase> cases, IReadOnlyList<ImageBuffer> generated)
    {
        ILookup<bool, (double P, double Right)> patches = Score(cases, generated).SelectMany((quality, i) =>
        {
            QualityMap p = quality.Generated, truth = PartOracle.Judge(cases[i], generated[i]).Generated;
            bool[] inside = [.. ForegroundMask.ToPatchGrid(cases[i].Foreground(), p.Height, p.Width).Cast<bool>()];
            return Enumerable.Range(0, inside.Length).Where(j => inside[j]).Select(j => (quality.IsMoved, P: (double)p.Values[j] * Top,
                Right: (double)truth[j / p.Width * truth.Height / p.Height, j % p.Width * truth.Width / p.Width]));
        }).ToLookup(p => p.IsMoved, p => (p.P, p.Right));
        (double Low, double High)[] lines =
            [.. Enumerable.Range(-10, 30).SelectMany(l => Enumerable.Range(2, 25).Select(h => (l * 0.04, (l * 0.04) + (h * 0.05))))];
        foreach (IGrouping<bool, (double P, double Right)> pose in patches)
        {
            (double error, (double low, double high)) = lines
                .Select(l => (pose.Average(p => Math.Pow(Math.Clamp((p.P - l.Low) / (l.High - l.Low), 0, 1) - p.Right, 2)), l)).Min();
            Console.WriteLine($"{(pose.Key ? "moved" : "in place")}, {pose.Count()} patches: {low:F2} to {high:F2}, mean square of what is missed {error:F4}");
        }
    }

    private static IReadOnlyList<PatchQualityResult> Score(IReadOnlyList<TrainingCase> cases, IReadOnlyList<ImageBuffer> generated)
    {
        WeightMapping divided = new(0, Top, contrast: 1);
        using IVisionEncoder encoder = PatchEncoder.LoadEmbedded();
        var estimator = new PatchQualityEstimator(
            encoder, objectAlignment: new ObjectAlignment { Margin = Estimate.Outline, InPlace = divided, Moved = divided });
        return estimator.Score(generated, [.. cases.Select(c => c.Reference)],
            [.. cases.Select(c => ForegroundMask.FromPlainBackground(c.Reference))], [.. cases.Select(c => c.Foreground())]);
    }
}
