using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.PatchQuality;

/// <summary>A generated object in up to three poses, where it is first, with its reference's object: what is encoded of a pair, and its quality.</summary>
/// <param name="Poses">The generated object.</param>
/// <param name="Reference">The reference's, where it is.</param>
/// <param name="GeneratedMask">Where the object is in the generated image.</param>
internal sealed record AlignedPair(IReadOnlyList<AlignedObject> Poses, AlignedObject Reference, bool[,] GeneratedMask)
{
    // Of a match that is no better than this as a whole nothing is right.
    private const float Least = 0.1f;

    // What neighbours at a patch's corners weigh beside those at its sides.
    private const double Corner = 0.7;

    /// <summary>Draws what is encoded.</summary>
    /// <param name="generated">The generated image.</param>
    /// <param name="generatedMask">Where its object is, with at least one pixel, on any grid over the image.</param>
    /// <param name="reference">The reference.</param>
    /// <param name="referenceMask">The same of the reference.</param>
    /// <param name="margin">Pixels around the generated object that are taken with it.</param>
    public static AlignedPair Of(ImageBuffer generated, bool[,] generatedMask, ImageBuffer reference, bool[,] referenceMask, int margin)
    {
        (ImageBuffer image, ImageBuffer referenceImage) = (generated.ToRgb(), reference.ToRgb());
        bool[,] mask = ForegroundMask.Resized(generatedMask, image.Height, image.Width);
        bool[,] goal = ForegroundMask.Resized(referenceMask, referenceImage.Height, referenceImage.Width);
        bool[,] source = ForegroundMask.Grown(mask, margin);
        AlignedObject?[] poses =
        [
            AlignedObject.Unmoved(image, source),
            AlignedObject.Moved(image, source, goal, mirrored: false),
            AlignedObject.Moved(image, source, goal, mirrored: true),
        ];
        return new AlignedPair([.. poses.OfType<AlignedObject>()], AlignedObject.Unmoved(referenceImage, goal), mask);
    }

    /// <summary>Both sides' maps and their score.</summary>
    /// <param name="poses">The features of each pose.</param>
    /// <param name="reference">Those of the reference's object.</param>
    /// <param name="options">How they are compared.</param>
    /// <param name="device">Where.</param>
    public PatchQualityResult Score(IReadOnlyList<PatchMap> poses, PatchMap reference, ObjectAlignment options, Device device)
    {
        using DisposeScope scope = NewDisposeScope();
        bool[] ofReference = GridOf(Reference.Mask, reference);
        Tensor referenceFeatures = reference.ToTensor(device), referenceGrid = ToTensor(ofReference, reference, device);
        (int Pose, float Mean, QualityMap P, QualityMap Q)? best = null;
        foreach ((int pose, PatchMap map) in poses.Index())
        {
            using DisposeScope inner = NewDisposeScope();
            bool[] grid = GridOf(Poses[pose].Mask, map);
            (Tensor p, Tensor q) = PatchSimilarity.ComputeBothOfUnit(
                map.ToTensor(device), referenceFeatures, ToTensor(grid, map, device), referenceGrid, options.Displacement);
            QualityMap matches = QualityMap.FromTensor(p[0]);
            float mean = matches.MeanWithin(grid);
            if (best is null || mean > best.Value.Mean)
                best = (pose, mean, Smoothed(matches, grid, options), QualityMap.FromTensor(q[0]));
        }
        (int chosen, _, QualityMap generated, QualityMap inReference) = best!.Value;
        bool[] ofGenerated = GridOf(GeneratedMask, poses[chosen]);
        WeightMapping line = chosen == 0 ? options.InPlace : options.Moved;
        QualityMap generatedQuality = Likelihood(
            OnImage(generated, Poses[chosen], GeneratedMask, poses[chosen], ofGenerated), ofGenerated, line, options);
        QualityMap referenceQuality = Likelihood(Smoothed(inReference, ofReference, options), ofReference, line, options);
        if (options.ColorSpread > 0)
        {
            (ObjectColors colors, ObjectColors referenceColors) = (ObjectColors.Of(Poses[0]), ObjectColors.Of(Reference));
            ObjectPlacing placing = ColorPlacing.Find(colors, referenceColors);
            QualityMap alike = colors.LikenessTo(referenceColors, placing.PlaceOf, options.ColorSpread);
            QualityMap alikeInReference = referenceColors.LikenessTo(colors, placing.SourceOf, options.ColorSpread);
            generatedQuality = Product(generatedQuality, OnImage(alike, Poses[0], GeneratedMask, poses[0], ofGenerated));
            referenceQuality = Product(referenceQuality, OnImage(alikeInReference, Reference, Reference.Mask, reference, ofReference));
        }

        float score = (generatedQuality.MeanWithin(ofGenerated) + referenceQuality.MeanWithin(ofReference)) / 2;
        return new PatchQualityResult(generatedQuality, referenceQuality, score) { IsMoved = chosen > 0 };
    }

    private static bool[] GridOf(bool[,] mask, PatchMap map) => [.. ForegroundMask.ToPatchGrid(mask, map.Height, map.Width).Cast<bool>()];

    private static Tensor ToTensor(bool[] grid, PatchMap map, Device device) => tensor(grid, [1, map.Height, map.Width], device: device);

    /// <summary>Each patch of the object averaged with those around it that are the object's too.</summary>
    private static QualityMap Smoothed(QualityMap map, bool[] grid, ObjectAlignment options) => new(map.Height, map.Width, [.. map.Values.Select((own, i) =>
    {
        if (!grid[i])
            return own;
        (int y, int x) = (i / map.Width, i % map.Width);
        (double sum, double weights) = (0, 0);
        for (int row = Math.Max(0, y - 1); row <= Math.Min(map.Height - 1, y + 1); row++)
            for (int column = Math.Max(0, x - 1); column <= Math.Min(map.Width - 1, x + 1); column++)
            {
                if (!grid[(row * map.Width) + column])
                    continue;
                double weight = (row == y, column == x) switch { (true, true) => 1, (false, false) => Corner * options.Smoothing, _ => options.Smoothing };
                (sum, weights) = (sum + (weight * map[row, column]), weights + weight);
            }
        return (float)(sum / weights);
    })]);

    private static QualityMap Product(QualityMap a, QualityMap b) => new(a.Height, a.Width, [.. a.Values.Zip(b.Values, (x, y) => x * y)]);

    /// <summary>
    /// A map of a drawn object on the patches of the image that it came from: the mean over the object's pixels that a patch holds or touches; 1 elsewhere.
    /// </summary>
    /// <param name="map">Over the drawn object's image, on any grid.</param>
    /// <param name="pose">The drawn object.</param>
    /// <param name="mask">Where the object is in the image it came from.</param>
    /// <param name="patches">How many there are.</param>
    /// <param name="grid">Those of the object.</param>
    private static QualityMap OnImage(QualityMap map, AlignedObject pose, bool[,] mask, PatchMap patches, bool[] grid)
    {
        (int height, int width) = (mask.GetLength(0), mask.GetLength(1));
        return new QualityMap(
            patches.Height, patches.Width, [.. grid.Select((isObject, i) => isObject ? OfPatch(i / patches.Width, i % patches.Width) : 1)]);

        float OfPatch(int row, int column)
        {
            (double sum, int count) = (0, 0);
            for (int y = row * height / patches.Height; y * patches.Height < (row + 1) * height; y++)
                for (int x = column * width / patches.Width; x * patches.Width < (column + 1) * width; x++)
                {
                    if (!mask[y, x])
                        continue;
                    (double placeX, double placeY) = pose.Placing.PlaceOf(x + 0.5, y + 0.5);
                    int atRow = Math.Clamp((int)(placeY / pose.Image.Height * map.Height), 0, map.Height - 1);
                    int atColumn = Math.Clamp((int)(placeX / pose.Image.Width * map.Width), 0, map.Width - 1);
                    (sum, count) = (sum + map[atRow, atColumn], count + 1);
                }
            return (float)(sum / count);
        }
    }

    /// <summary>Divided by what the object's better patches have, then by the line how likely a patch is right; 1 where the object is not.</summary>
    private static QualityMap Likelihood(QualityMap map, bool[] grid, WeightMapping line, ObjectAlignment options)
    {
        float[] ascending = [.. map.Values.Where((_, i) => grid[i]).Order()];
        int rank = (int)Math.Min(ascending.Length * options.Percentile / 100, ascending.Length - 1);
        float level = Math.Max(ascending[rank], Least);
        QualityMap likely = line.Apply(new QualityMap(map.Height, map.Width, Array.ConvertAll(map.Values, p => p / level)));
        return new QualityMap(map.Height, map.Width, [.. likely.Values.Select((right, i) => grid[i] ? right : 1)]);
    }
}
