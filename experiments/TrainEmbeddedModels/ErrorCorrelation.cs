using MathNet.Numerics.Statistics;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using ProceduralCharacters;

namespace TrainEmbeddedModels;

/// <summary>Whether p finds what is bad, where the truth is known.</summary>
internal static class ErrorCorrelation
{
    /// <summary>
    /// Spearman's correlation, over all of the references' object patches, of p(x_gen) with how little the patch differs from the reference's at its
    /// place.
    /// </summary>
    /// <param name="encoder">Gives p.</param>
    /// <param name="generated">Images in the references' layout.</param>
    /// <param name="references">What they should look like: objects on plain white.</param>
    public static double OfPatches(IVisionEncoder encoder, IReadOnlyList<ImageBuffer> generated, IReadOnlyList<ImageBuffer> references)
    {
        var quality = new List<double>();
        var likeness = new List<double>();
        IReadOnlyList<PatchQualityResult> results = new PatchQualityEstimator(encoder).Score(generated, references);
        for (int i = 0; i < results.Count; i++)
        {
            QualityMap map = results[i].Generated;
            bool[,] mask = ForegroundMask.ToPatchGrid(ForegroundMask.FromPlainBackground(references[i]), map.Height, map.Width);
            for (int row = 0; row < map.Height; row++)
            {
                for (int column = 0; column < map.Width; column++)
                {
                    if (!mask[row, column])
                        continue;
                    quality.Add(map[row, column]);
                    likeness.Add(-Difference(generated[i], references[i], row, column, map.Height, map.Width));
                }
            }
        }

        return Correlation.Spearman(quality, likeness);
    }

    /// <summary>
    /// Spearman's correlation, over all visible parts, of the part's mean p(x_gen) with how little its mean colour differs from the true one.
    /// </summary>
    /// <param name="encoder">Gives p.</param>
    /// <param name="generated">Images.</param>
    /// <param name="references">Whom they show.</param>
    /// <param name="truths">What they should look like, in any layout.</param>
    public static double OfParts(IVisionEncoder encoder, IReadOnlyList<ImageBuffer> generated, IReadOnlyList<ImageBuffer> references,
        IReadOnlyList<RenderedCharacter> truths)
    {
        var quality = new List<double>();
        var likeness = new List<double>();
        IReadOnlyList<PatchQualityResult> results = new PatchQualityEstimator(encoder).Score(generated, references);
        for (int i = 0; i < results.Count; i++)
        {
            PartAccuracy accuracy = PartAccuracy.Measure(generated[i], truths[i]);
            for (int part = 0; part < Character.PartCount; part++)
            {
                if (double.IsNaN(accuracy.PartErrors[part]))
                    continue;
                quality.Add(MeanOver(results[i].Generated, truths[i], part));
                likeness.Add(-accuracy.PartErrors[part]);
            }
        }

        return Correlation.Spearman(quality, likeness);
    }

    private static double MeanOver(QualityMap map, RenderedCharacter truth, int part)
    {
        (int width, int height) = (truth.Image.Width, truth.Image.Height);
        return Enumerable.Range(0, width * height).Where(i => truth.PartMask[i] == part)
            .Average(i => map[i / width * map.Height / height, i % width * map.Width / width]);
    }

    private static double Difference(ImageBuffer a, ImageBuffer b, int row, int column, int rows, int columns)
    {
        int height = a.Height / rows;
        int width = a.Width / columns;
        double sum = 0;
        for (int y = row * height; y < (row + 1) * height; y++)
        {
            for (int i = (y * a.Width + column * width) * 3; i < (y * a.Width + (column + 1) * width) * 3; i++)
                sum += Math.Abs(a.Pixels[i] - b.Pixels[i]);
        }

        return sum / (height * width * 3);
    }
}
