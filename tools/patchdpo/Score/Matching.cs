using Microsoft.ML;
using PatchDpo.MLNet;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.PatchEncoders;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Tool.Score;

/// <summary>How well an encoder's patches find their counterparts in other photos of the same plane.</summary>
internal static class Matching
{
    private const int Resamplings = 500;

    public static void Run(IReadOnlyList<string> sequences, EncoderChoice encoder, ReferenceViews? views)
    {
        MLContext ml = encoder.Context();
        Console.WriteLine($"patch features of {encoder.Title}{ViewOptions.Describe(views)}; a match lies within 1.5 patches of where the homography puts it");
        foreach (string sequence in sequences)
        {
            PatchMatchingMetrics metrics = ml.PatchDpo.EvaluatePatchMatching(HomographyPair.FromHPatches(sequence), encoder.ForPipeline(), views);
            string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(sequence));
            (double low, double high) = Interval([.. metrics.PerPair.Where(double.IsFinite)]);
            Console.WriteLine($"{name}: {metrics.Accuracy:F3}, 95% interval {low:F3} to {high:F3} (bootstrap over pairs of photos, {Resamplings} times); "
                + string.Join(", ", metrics.PerPair.Select(a => $"{a:F3}")));
        }
    }

    private static (double Low, double High) Interval(double[] pairs)
    {
        var random = new Random(42);
        double[] means = [.. Enumerable.Range(0, Resamplings).Select(_ => pairs.Average(_ => pairs[random.Next(pairs.Length)])).Order()];
        return (means[(int)(0.025 * (means.Length - 1))], means[(int)(0.975 * (means.Length - 1))]);
    }
}
