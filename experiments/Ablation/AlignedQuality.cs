using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using TorchSharp;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace Ablation;

/// <summary>
/// How likely patches are right, of objects on white, where they are or brought to their references' place and size, as they are or mirrored, whichever
/// matches best as a whole. A match loses by its distance from the patch's own place, so that a right colour in a wrong place is a fault; patches are
/// averaged with their neighbours; and what is left is judged by what the same object's better patches have, because an object that had to be resampled
/// matches less throughout.
/// </summary>
internal static class AlignedQuality
{
    // What a match loses at a distance of the image's side, by its square. Of 4, 16, 32 and 64; on seeds of no table.
    private const double Displacement = 32;

    // What neighbours weigh beside a patch's own 1, and corners. Of 0, 0.15, 0.3, 0.6 and 1; on seeds of no table.
    private const float Side = 0.15f, Corner = 0.7f * Side;

    // The share of an object's patches that are below what they are judged by: with three parts in eight wrong, a right patch's quality.
    private const double Better = 0.7;

    // Of a match that is no better than this as a whole nothing is right.
    private const float Least = 0.1f;

    private const int Batch = 16;

    // From quality to how likely a patch is right, of objects that were left where they are and of others: what FitLines prints.
    private static readonly WeightMapping InPlace = new(0.48f, 1.03f, 1), Moved = new(0.04f, 1.09f, 1);

    /// <summary>The estimate of each pair. Of one object an image.</summary>
    public static IReadOnlyList<QualityMapPair> Score(IReadOnlyList<TrainingCase> cases, IReadOnlyList<ImageBuffer> generated)
        => [.. Match(cases, generated).Select(m =>
        {
            WeightMapping line = m.IsMoved ? Moved : InPlace;
            return new QualityMapPair(Fitted(m.Quality.Reference, m.InReference, line), Fitted(m.Quality.Generated, m.InGenerated, line));
        })];

    /// <summary>
    /// Prints the lines, clamped to [0, 1], that are nearest to right and wrong patches by the mean square of what they miss: of objects in place and of others.
    /// </summary>
    /// <param name="cases">Pairs with planted faults, of a seed of no table.</param>
    /// <param name="generated">The faulty images.</param>
    public static void FitLines(IReadOnlyList<TrainingCase> cases, IReadOnlyList<ImageBuffer> generated)
    {
        ILookup<bool, (double P, double Right)> patches = Match(cases, generated).SelectMany((m, i) =>
        {
            QualityMap p = Relative(m.Quality.Generated, m.InGenerated), truth = PartOracle.Judge(cases[i], generated[i]).Generated;
            return Enumerable.Range(0, p.Values.Length).Where(j => m.InGenerated[j])
                .Select(j => (m.IsMoved, P: (double)p.Values[j], Right: (double)truth.Values[j]));
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

    private static IReadOnlyList<Matched> Match(IReadOnlyList<TrainingCase> cases, IReadOnlyList<ImageBuffer> generated)
    {
        using IVisionEncoder encoder = PatchEncoder.LoadEmbedded();
        bool[][,] masks = [.. cases.Select(c => ForegroundMask.FromPlainBackground(c.Reference))];
        Patches[] references = Encode(encoder, [.. cases.Select(c => c.Reference)], masks);
        (AlignedObject Object, Patches Patches)[][] poses = [.. new Func<int, AlignedObject>[]
        {
            i => AlignedObject.Unmoved(generated[i], cases[i].Foreground()),
            i => AlignedObject.Of(generated[i], cases[i].Foreground(), masks[i], mirrored: false),
            i => AlignedObject.Of(generated[i], cases[i].Foreground(), masks[i], mirrored: true),
        }.Select(pose =>
        {
            AlignedObject[] objects = [.. Enumerable.Range(0, cases.Count).Select(pose)];
            return objects.Zip(Encode(encoder, [.. objects.Select(o => o.Image)], [.. objects.Select(o => o.Mask)])).ToArray();
        })];
        return [.. cases.Select((c, i) =>
        {
            (int place, AlignedObject aligned, Patches patches, float[] p) = poses
                .Select((pose, place) => (place, pose[i].Object, pose[i].Patches, P: Matches(pose[i].Patches, references[i])))
                .MaxBy(pose => pose.P.Zip(pose.Patches.Mask).Where(v => v.Second).Average(v => v.First));
            float[] q = Smoothed(Matches(references[i], patches), references[i]);
            bool[] inside = [.. ForegroundMask.ToPatchGrid(c.Foreground(), patches.Rows, patches.Columns).Cast<bool>()];
            return new Matched(
                new QualityMapPair(
                    new QualityMap(references[i].Rows, references[i].Columns, q), OnImage(Smoothed(p, patches), patches, aligned, c.Foreground(), inside)),
                references[i].Mask, inside, IsMoved: place > 0);
        })];
    }

    private static QualityMap Fitted(QualityMap quality, bool[] inside, WeightMapping line)
        => new(quality.Height, quality.Width, [.. line.Apply(Relative(quality, inside)).Values.Select((right, i) => inside[i] ? right : 1)]);

    private static QualityMap Relative(QualityMap quality, bool[] inside)
    {
        float[] ascending = [.. quality.Values.Where((_, i) => inside[i]).Order()];
        float level = Math.Max(ascending[(int)(ascending.Length * Better)], Least);
        return new QualityMap(quality.Height, quality.Width, Array.ConvertAll(quality.Values, p => p / level));
    }

    private static float[] Smoothed(float[] p, Patches patches) => [.. p.Select((own, i) =>
    {
        if (!patches.Mask[i])
            return own;
        float sum = own, weights = 1;
        for (int row = Math.Max(0, (i / patches.Columns) - 1); row <= Math.Min(patches.Rows - 1, (i / patches.Columns) + 1); row++)
        {
            for (int column = Math.Max(0, (i % patches.Columns) - 1); column <= Math.Min(patches.Columns - 1, (i % patches.Columns) + 1); column++)
            {
                int j = (row * patches.Columns) + column;
                float weight = j == i || !patches.Mask[j] ? 0 : row == i / patches.Columns || column == i % patches.Columns ? Side : Corner;
                (sum, weights) = (sum + (weight * p[j]), weights + weight);
            }
        }

        return sum / weights;
    })];

    private static Patches[] Encode(IVisionEncoder encoder, ImageBuffer[] images, bool[][,] masks)
    {
        using IDisposable noGrad = no_grad();
        return [.. images.Zip(masks).Chunk(Batch).SelectMany(chunk =>
        {
            using DisposeScope scope = NewDisposeScope();
            using VisionFeatures features = encoder.Encode(stack([.. chunk.Select(c => encoder.Preprocessor.Preprocess(c.First))]));
            Tensor unit = nn.functional.normalize(features.Patches, dim: 3);
            int rows = (int)unit.shape[1], columns = (int)unit.shape[2], length = (int)unit.shape[3];
            float[] values = unit.contiguous().data<float>().ToArray();
            return chunk.Select((c, i) => new Patches(values[(i * rows * columns * length)..((i + 1) * rows * columns * length)], rows, columns, length,
                [.. ForegroundMask.ToPatchGrid(c.Second, rows, columns).Cast<bool>()])).ToArray();
        })];
    }

    /// <summary>For each patch its best match among the other image's object's patches.</summary>
    private static float[] Matches(Patches patches, Patches others)
    {
        int[] allowed = [.. Enumerable.Range(0, others.Mask.Length).Where(i => others.Mask[i])];
        return [.. Enumerable.Range(0, patches.Mask.Length).Select(i => patches.Mask[i] ? allowed.Max(j => Match(i, j)) : 1)];

        float Match(int i, int j)
        {
            double x = ((i % patches.Columns) - (j % patches.Columns)) / (double)patches.Columns;
            double y = ((i / patches.Columns) - (j / patches.Columns)) / (double)patches.Rows;
            return TensorPrimitives.Dot(patches.Of(i), others.Of(j)) - (float)(Displacement * ((x * x) + (y * y)));
        }
    }

    /// <summary>The quality on the image before it was aligned: the mean over a patch's pixels of the object; 1 where there is less than half of it.</summary>
    private static QualityMap OnImage(float[] p, Patches patches, AlignedObject aligned, bool[,] mask, bool[] inside)
    {
        (int height, int width) = (mask.GetLength(0), mask.GetLength(1));
        double[] sums = new double[p.Length];
        int[] counts = new int[p.Length];
        for (int i = 0; i < mask.Length; i++)
        {
            (int y, int x) = (i / width, i % width);
            if (!mask[y, x])
                continue;
            (double placeX, double placeY) = aligned.PlaceOf(x, y);
            int row = Math.Clamp((int)(placeY * patches.Rows), 0, patches.Rows - 1);
            int column = Math.Clamp((int)(placeX * patches.Columns), 0, patches.Columns - 1);
            int patch = (y * patches.Rows / height * patches.Columns) + (x * patches.Columns / width);
            sums[patch] += p[(row * patches.Columns) + column];
            counts[patch]++;
        }

        return new QualityMap(patches.Rows, patches.Columns, [.. inside.Select((isObject, i) => isObject ? (float)(sums[i] / counts[i]) : 1)]);
    }

    /// <summary>A pair's quality before it is fitted, which patches are the object's, and whether the object was moved.</summary>
    private sealed record Matched(QualityMapPair Quality, bool[] InReference, bool[] InGenerated, bool IsMoved);

    /// <summary>An image's patch features, each of length 1, and which of them are the object's.</summary>
    private sealed record Patches(float[] Values, int Rows, int Columns, int Length, bool[] Mask)
    {
        public ReadOnlySpan<float> Of(int patch) => Values.AsSpan(patch * Length, Length);
    }
}
