using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using TorchSharp;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace Ablation;

/// <summary>
/// p of objects on white, where they are or brought to their references' place and size, as they are or mirrored, whichever matches best as a whole; a match
/// loses by its distance from the patch's own place, so that a right colour in a wrong place is a fault.
/// </summary>
internal static class AlignedQuality
{
    // What a match loses at a distance of the image's side, by its square. Of 4, 16, 32 and 64; on seeds of no table.
    private const double Displacement = 32;

    private const int Batch = 16;

    /// <summary>The quality of each pair. Of one object an image.</summary>
    public static IReadOnlyList<QualityMapPair> Score(IReadOnlyList<TrainingCase> cases, IReadOnlyList<ImageBuffer> generated)
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
            (AlignedObject aligned, Patches patches, float[] p) = poses.Select(pose => (pose[i].Object, pose[i].Patches, Matches(pose[i].Patches, references[i])))
                .MaxBy(pose => pose.Item3.Zip(pose.Patches.Mask).Where(v => v.Second).Average(v => v.First));
            float[] q = Matches(references[i], patches);
            return new QualityMapPair(WithinMask(q, references[i]), OnImage(p, patches, aligned, c.Foreground()));
        })];
    }

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
            double x = ((i % patches.Columns) - (j % patches.Columns)) / (double)patches.Columns, y = ((i / patches.Columns) - (j / patches.Columns)) / (double)patches.Rows;
            return TensorPrimitives.Dot(patches.Of(i), others.Of(j)) - (float)(Displacement * ((x * x) + (y * y)));
        }
    }

    private static QualityMap WithinMask(float[] p, Patches patches)
        => new(patches.Rows, patches.Columns, [.. p.Zip(patches.Mask, (value, inside) => inside ? value : 1)]);

    /// <summary>The quality on the image before it was aligned: the mean over a patch's pixels of the object; 1 where there is less than half of it.</summary>
    private static QualityMap OnImage(float[] p, Patches patches, AlignedObject aligned, bool[,] mask)
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
            int row = Math.Clamp((int)(placeY * patches.Rows), 0, patches.Rows - 1), column = Math.Clamp((int)(placeX * patches.Columns), 0, patches.Columns - 1);
            int patch = (y * patches.Rows / height * patches.Columns) + (x * patches.Columns / width);
            sums[patch] += p[(row * patches.Columns) + column];
            counts[patch]++;
        }

        bool[] inside = [.. ForegroundMask.ToPatchGrid(mask, patches.Rows, patches.Columns).Cast<bool>()];
        return new QualityMap(patches.Rows, patches.Columns, [.. inside.Select((isObject, i) => isObject ? (float)(sums[i] / counts[i]) : 1)]);
    }

    /// <summary>An image's patch features, each of length 1, and which of them are the object's.</summary>
    private sealed record Patches(float[] Values, int Rows, int Columns, int Length, bool[] Mask)
    {
        public ReadOnlySpan<float> Of(int patch) => Values.AsSpan(patch * Length, Length);
    }
}
