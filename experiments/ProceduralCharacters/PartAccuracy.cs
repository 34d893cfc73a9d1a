using PatchDpo.Torch.Images;

namespace ProceduralCharacters;

/// <summary>How far a generated image's parts are from the true ones; needs the ground truth that only a renderer has.</summary>
/// <param name="Error">Mean over the visible parts of the distance between generated and true mean colour, 0..1.73 (RGB, each 0..1).</param>
/// <param name="WrongParts">Share of the visible parts whose distance exceeds <see cref="WrongAbove"/>.</param>
/// <param name="PartErrors">Each part's distance; NaN where too little of it is visible.</param>
/// <param name="AccessoryError">The accessory's distance; NaN where there is none. It counts for neither mean: it is the prompt's, not the reference's.</param>
public sealed record PartAccuracy(double Error, double WrongParts, IReadOnlyList<double> PartErrors, double AccessoryError)
{
    /// <summary>A distance that a person sees as another colour.</summary>
    public const double WrongAbove = 0.25;

    private const int LeastPixels = 6;

    /// <summary>Compares the parts' mean colours, letting the generation be shifted by up to one pixel as a scene's jitter does.</summary>
    /// <exception cref="ArgumentException">The sizes differ.</exception>
    public static PartAccuracy Measure(ImageBuffer generated, RenderedCharacter truth)
    {
        if (generated.Width != truth.Image.Width || generated.Height != truth.Image.Height)
            throw new ArgumentException($"The images are {generated.Width} x {generated.Height} and {truth.Image.Width} x {truth.Image.Height}.",
                nameof(generated));
        PartAccuracy? best = null;
        for (int dy = -1; dy <= 1; dy++)
        {
            for (int dx = -1; dx <= 1; dx++)
            {
                PartAccuracy candidate = MeasureShifted(generated, truth, dx, dy);
                if (best is null || candidate.Error < best.Error)
                    best = candidate;
            }
        }

        return best!;
    }

    private static PartAccuracy MeasureShifted(ImageBuffer generated, RenderedCharacter truth, int dx, int dy)
    {
        // The accessory comes after the parts.
        const int Regions = Character.PartCount + 1;
        double[,] sums = new double[Regions, 3];
        int[] counts = new int[Regions];
        int width = generated.Width;
        for (int y = 1; y < generated.Height - 1; y++)
        {
            for (int x = 1; x < width - 1; x++)
            {
                int part = truth.PartMask[y * width + x];
                if (part is < 0 or >= Regions)
                    continue;
                counts[part]++;
                for (int c = 0; c < 3; c++)
                {
                    int shifted = ((y + dy) * width + x + dx) * generated.Channels + c;
                    sums[part, c] += (generated.Pixels[shifted] - truth.Image.Pixels[(y * width + x) * 3 + c]) / 255.0;
                }
            }
        }

        double[] all = Enumerable.Range(0, Regions).Select(p => counts[p] < LeastPixels
            ? double.NaN
            : Math.Sqrt(Enumerable.Range(0, 3).Sum(c => Math.Pow(sums[p, c] / counts[p], 2)))).ToArray();
        double[] errors = all[..Character.PartCount];
        double[] visible = errors.Where(e => !double.IsNaN(e)).ToArray();
        return visible.Length == 0
            ? new PartAccuracy(0, 0, errors, all[^1])
            : new PartAccuracy(visible.Average(), visible.Count(e => e > WrongAbove) / (double)visible.Length, errors, all[^1]);
    }
}
