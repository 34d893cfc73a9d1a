using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.PatchEncoders;

/// <summary>Draws pairs of views and corresponding points, and tells which points must not be pushed apart.</summary>
internal static class PatchCorrespondence
{
    private const int Attempts = 20;
    private const int ProbeGrid = 8;
    private const int FineGrid = 8 * ProbeGrid;
    private const double SmallestOverlap = 0.25;

    /// <summary>Two views of one image that share at least a quarter of the first; the same view twice where none was found.</summary>
    public static (Homography First, Homography Second) DrawViews(Random random, PatchEncoderTrainerOptions options)
    {
        Homography first = PatchViews.Random(random, options);
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            Homography second = PatchViews.Random(random, options);
            if (Shared(first, second, ProbeGrid, ProbeGrid).Count >= SmallestOverlap * ProbeGrid * ProbeGrid)
                return (first, second);
        }
        return (first, first);
    }

    /// <summary>Whether two views share any point of a foreground.</summary>
    public static bool ShareForeground(Homography first, Homography second, bool[,] foreground)
        => Shared(first, second, FineGrid, FineGrid, foreground).Count > 0;

    /// <summary>Draws patch centres of first views and finds them in the second views.</summary>
    /// <param name="views">A pair of views for each image.</param>
    /// <param name="rows">Rows of the feature grid.</param>
    /// <param name="columns">Its columns.</param>
    /// <param name="count">Points for each image; drawn again where the views share fewer.</param>
    /// <param name="random">Draws them.</param>
    /// <param name="foregrounds">
    /// For each image the mask <c>[height, width]</c> in which its points must lie, or null; each holds points that both views share.
    /// </param>
    /// <returns>Unit coordinates (x, y) in both views, <c>(B,K,2)</c> on the CPU.</returns>
    public static (Tensor First, Tensor Second) DrawPoints(
        IReadOnlyList<(Homography First, Homography Second)> views, int rows, int columns, int count, Random random,
        IReadOnlyList<bool[,]?>? foregrounds = null)
    {
        List<double> first = [], second = [];
        foreach (((Homography a, Homography b), int index) in views.Select((v, i) => (v, i)))
        {
            List<(double X, double Y, double ToX, double ToY)> shared = Shared(a, b, rows, columns, foregrounds?[index]);
            // A grid much coarser than the probe may have no centre in the overlap: any point of the views will do then.
            if (shared.Count == 0)
                shared = Shared(a, b, FineGrid, FineGrid, foregrounds?[index]);
            (double X, double Y, double ToX, double ToY)[] shuffled = [.. shared];
            random.Shuffle(shuffled);
            for (int i = 0; i < count; i++)
            {
                (double x, double y, double toX, double toY) = shuffled[i % shuffled.Length];
                first.AddRange([x, y]);
                second.AddRange([toX, toY]);
            }
        }
        long[] shape = [views.Count, count, 2];
        return (tensor(first.ToArray(), shape, dtype: float32), tensor(second.ToArray(), shape, dtype: float32));
    }

    /// <summary>Which points of the same image lie nearer than a radius in patches. <c>(B,K,2) -> bool (B*K,B*K)</c></summary>
    public static Tensor WithinRadius(Tensor points, long rows, long columns, double radius)
    {
        using DisposeScope scope = NewDisposeScope();
        (long batch, long count) = (points.shape[0], points.shape[1]);
        Tensor patches = points * tensor([(float)columns, rows], device: points.device);
        Tensor near = cdist(patches, patches).LessThan(radius);
        Tensor image = TensorArithmetic.Range(batch, device: points.device).repeat_interleave(count);
        Tensor all = near.repeat(1, 1, batch).view(batch * count, batch * count);
        return all.logical_and(image.unsqueeze(0).eq(image.unsqueeze(1))).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// What each point's patch and its surroundings look like: the mean colours of the patch's quarters, and those of the patches two steps away in
    /// eight directions.
    /// </summary>
    /// <param name="views"><c>(B,3,H,W)</c></param>
    /// <param name="points">Unit coordinates, <c>(B,K,2)</c>.</param>
    /// <param name="rows">Rows of the feature grid.</param>
    /// <param name="columns">Its columns.</param>
    /// <returns><c>(B*K,108)</c>; the first 12 are the patch's own.</returns>
    /// <remarks>With the surroundings, two parts of an object that share a colour are told apart, and two patches of a plain background are not.</remarks>
    public static Tensor Appearance(Tensor views, Tensor points, long rows, long columns)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor quarters = nn.functional.adaptive_avg_pool2d(views, [rows * 2, columns * 2]);
        Tensor looks = nn.functional.pixel_unshuffle(quarters, 2).permute(0, 2, 3, 1);
        Tensor Shifted(int x, int y) => PatchViews.ReadAt(looks, points.Plus(tensor([x * 2f / columns, y * 2f / rows], device: points.device)));
        Tensor[] all = [Shifted(0, 0), .. from y in Enumerable.Range(-1, 3) from x in Enumerable.Range(-1, 3) where x != 0 || y != 0 select Shifted(x, y)];
        return cat(all, 2).flatten(0, 1).MoveToOuterDisposeScope();
    }

    /// <summary>What the patches themselves look like, without their surroundings. <c>(M,108) -> (M,12)</c></summary>
    public static Tensor OfPatch(Tensor looks) => looks.narrow(1, 0, 12);

    /// <summary>Which pairs look alike: their root mean square difference is below a distance. <c>(M,D), (R,D) -> bool (M,R)</c></summary>
    public static Tensor AppearEqual(Tensor looks, Tensor others, double distance)
    {
        using DisposeScope scope = NewDisposeScope();
        return cdist(looks, others).DividedBy(Math.Sqrt(looks.shape[1])).LessThan(distance).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// How much pairs look alike, 1 for the same down to 0: a Gaussian of the root mean square difference of the patches and, a third as much, of
    /// their surroundings. <c>(M,108), (R,108) -> (M,R)</c>
    /// </summary>
    public static Tensor AppearanceSimilarity(Tensor looks, Tensor others, double distance)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor Difference(int start, int length) => cdist(looks.narrow(1, start, length), others.narrow(1, start, length)).Squared().DividedBy(length);
        long own = OfPatch(looks).shape[1], all = looks.shape[1];
        Tensor difference = Difference(0, (int)own).Plus(Difference((int)own, (int)(all - own)).DividedBy(3));
        return (-difference).DividedBy(distance * distance).exp().MoveToOuterDisposeScope();
    }

    /// <summary>The patch centres of the first view whose point lies in the image (or its foreground) and in the second view.</summary>
    private static List<(double X, double Y, double ToX, double ToY)> Shared(
        Homography first, Homography second, int rows, int columns, bool[,]? foreground = null)
    {
        Homography back = second.Inverse();
        List<(double, double, double, double)> shared = [];
        for (int i = 0; i < rows * columns; i++)
        {
            (double x, double y) = ((i % columns + 0.5) / columns, (i / columns + 0.5) / rows);
            (double imageX, double imageY) = first.Map(x, y);
            (double toX, double toY) = back.Map(imageX, imageY);
            if (Inside(imageX, imageY) && Inside(toX, toY) && (foreground is null || At(foreground, imageX, imageY)))
                shared.Add((x, y, toX, toY));
        }
        return shared;
    }

    private static bool At(bool[,] mask, double x, double y)
        => mask[Math.Min((int)(y * mask.GetLength(0)), mask.GetLength(0) - 1), Math.Min((int)(x * mask.GetLength(1)), mask.GetLength(1) - 1)];

    private static bool Inside(double x, double y) => x is >= 0 and <= 1 && y is >= 0 and <= 1;
}
