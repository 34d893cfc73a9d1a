using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.PatchQuality;

/// <summary>Estimates the quality of each patch of generated images and of their references with an image encoder.</summary>
/// <remarks>
/// <para>The maps are p(x_gen) and p(x_ref) of PatchDPO (<see cref="PatchSimilarity"/>). They cover the whole image: a centre
/// crop of the encoder's preprocessor is made up for, and an image that is not square is squeezed into one.</para>
/// <para>The score of a pair is ours: the mean of p(x_gen) over the generated image's patches and the mean of p(x_ref) over the
/// reference's patches, averaged; so both a patch that the reference does not have and a patch that the generation lost
/// count. Where a foreground mask is given, only foreground patches can be matched, and only foreground counts: with a mask
/// for one side the score is that side's mean, with both masks the average of both foreground means. Patches outside a mask
/// have quality 1 in that side's map.</para>
/// <para>The encoder is not disposed. An instance is not safe for use by several threads at once if its encoder is not.</para>
/// </remarks>
public sealed class PatchQualityEstimator
{
    private readonly IVisionEncoder _encoder;
    private readonly WholeImageView _view;

    /// <summary>Creates an estimator.</summary>
    /// <param name="encoder">Gives the patch features; stays the caller's to dispose.</param>
    /// <param name="batchSize">Images encoded at once, at least 1.</param>
    public PatchQualityEstimator(IVisionEncoder encoder, int batchSize = 16)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        _encoder = encoder;
        _view = new WholeImageView(encoder.Preprocessor);
        BatchSize = batchSize;
    }

    /// <summary>How many images are encoded at once.</summary>
    public int BatchSize { get; }

    /// <summary>Scores pairs: <c>generated[i]</c> against <c>references[i]</c>.</summary>
    /// <param name="generated">Generated images of any sizes.</param>
    /// <param name="references">As many references of any sizes. An image that several pairs have, on either side, is encoded once.</param>
    /// <param name="referenceMasks">
    /// Per pair the reference's foreground <c>[height, width]</c> in pixels of any grid over the image (see <see cref="ForegroundMask"/>), or null;
    /// null: none.
    /// </param>
    /// <param name="generatedMasks">The same for the generated images.</param>
    /// <param name="cancellationToken">Stops between batches.</param>
    /// <returns>One result a pair, in order.</returns>
    /// <exception cref="ArgumentException">The lists differ in length, or a mask holds no foreground (the message names the pair).</exception>
    /// <exception cref="NonFiniteOutputException">The encoder gives NaN or infinite features; the message names it and the pair.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public IReadOnlyList<PatchQualityResult> Score(
        IReadOnlyList<ImageBuffer> generated, IReadOnlyList<ImageBuffer> references,
        IReadOnlyList<bool[,]?>? referenceMasks = null, IReadOnlyList<bool[,]?>? generatedMasks = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(generated);
        ArgumentNullException.ThrowIfNull(references);
        CheckCount(references.Count, nameof(references));
        CheckCount(referenceMasks?.Count, nameof(referenceMasks));
        CheckCount(generatedMasks?.Count, nameof(generatedMasks));

        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        List<PatchQualityResult> results = new(generated.Count);
        Dictionary<ImageBuffer, Tensor> features = new(ImageContentComparer.Instance);
        Dictionary<ImageBuffer, int> lastUse = new(ImageContentComparer.Instance);
        for (int i = 0; i < references.Count; i++)
            lastUse[generated[i]] = lastUse[references[i]] = i;

        for (int start = 0; start < generated.Count; start += BatchSize)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int end = Math.Min(start + BatchSize, generated.Count);
            using DisposeScope inner = NewDisposeScope();
            ImageBuffer[] images = [.. Enumerable.Range(start, end - start)
                .SelectMany(i => new[] { generated[i], references[i] }).Distinct(ImageContentComparer.Instance)];
            foreach (ImageBuffer[] chunk in images.Where(image => !features.ContainsKey(image)).Chunk(BatchSize))
                foreach ((ImageBuffer image, Tensor feature) in chunk.Zip(Encode(chunk, Name)))
                    features[image] = feature.MoveToOuterDisposeScope();
            for (int i = start; i < end; i++)
                results.Add(ScorePair(i, features[generated[i]], features[references[i]], generatedMasks?[i], referenceMasks?[i]));
            foreach (ImageBuffer image in images.Where(image => lastUse[image] < end))
                if (features.Remove(image, out Tensor? done))
                    done.Dispose();
        }
        return results;

        (string, int) Name(ImageBuffer image)
        {
            int pair = Enumerable.Range(0, generated.Count).First(i => Same(generated[i], image) || Same(references[i], image));
            return ($"the {(Same(generated[pair], image) ? "generated image" : "reference")} of pair {pair}", pair);
        }

        static bool Same(ImageBuffer a, ImageBuffer b) => ImageContentComparer.Instance.Equals(a, b);

        void CheckCount(int? count, string name)
        {
            if (count is int c && c != generated.Count)
                throw new ArgumentException($"There are {generated.Count} generated images, but {c} {name}.", name);
        }
    }

    /// <summary>Scores generated images of several objects, each object with a reference of its own.</summary>
    /// <param name="generated">Generated images of any sizes.</param>
    /// <param name="objects">Of each generated image, a reference of each of its objects, at least one.</param>
    /// <param name="objectMasks">Of each reference the foreground, as <see cref="Score"/> takes it; null: none.</param>
    /// <param name="cancellationToken">Stops between batches.</param>
    /// <returns>One result a generated image, in order.</returns>
    /// <exception cref="ArgumentException">The lists differ in length, or an image has no object.</exception>
    /// <exception cref="NonFiniteOutputException">The encoder gives NaN or infinite features; the message names the generated image.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <remarks>
    /// Not in the paper: p(x_gen) is the maximum over the patches of all the objects' references. The score is the mean of that map, averaged with the
    /// mean over objects of the mean p(x_ref); with masks it is the mean of the objects' own scores. A patch of one object that was drawn on another
    /// counts as good here too; each object's own map shows where that object is.
    /// </remarks>
    public IReadOnlyList<ObjectsQualityResult> ScoreObjects(
        IReadOnlyList<ImageBuffer> generated, IReadOnlyList<IReadOnlyList<ImageBuffer>> objects,
        IReadOnlyList<IReadOnlyList<bool[,]?>>? objectMasks = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(generated);
        ArgumentNullException.ThrowIfNull(objects);
        if (objects.Count != generated.Count || (objectMasks is not null && !objectMasks.Select(m => m.Count).SequenceEqual(objects.Select(o => o.Count))))
            throw new ArgumentException($"The objects of {objects.Count} images, or their masks, do not fit the {generated.Count} generated images.", nameof(objects));
        if (objects.Index().FirstOrDefault(o => o.Item.Count == 0) is (int empty, { }))
            throw new ArgumentException($"The generated image {empty} has no object to be compared with.", nameof(objects));
        int[] owners = [.. objects.SelectMany((o, i) => Enumerable.Repeat(i, o.Count))];
        IReadOnlyList<PatchQualityResult> pairs = FiniteOutput.Renamed(
            () => Score([.. owners.Select(i => generated[i])], [.. objects.SelectMany(o => o)], objectMasks?.SelectMany(m => m).ToArray(), null, cancellationToken),
            i => ($"the generated image {owners[i]} or one of its objects", owners[i]));
        return [.. pairs.Zip(owners).GroupBy(p => p.Second, p => p.First).Select(own => Together([.. own], objectMasks is not null))];
    }

    private static ObjectsQualityResult Together(PatchQualityResult[] objects, bool isMasked)
    {
        QualityMap first = objects[0].Generated;
        QualityMap best = new(first.Height, first.Width, [.. first.Values.Select((_, i) => objects.Max(o => o.Generated.Values[i]))]);
        float score = isMasked ? objects.Average(o => o.Score) : (best.Mean() + objects.Average(o => o.Reference.Mean())) / 2;
        return new ObjectsQualityResult(best, objects, score);
    }

    /// <summary>Patch features of images, each <c>(1,h,w,D)</c>; images whose pixels have the same shape go through the encoder together.</summary>
    private List<Tensor> Encode(ImageBuffer[] images, Func<ImageBuffer, (string, int)> name)
    {
        List<Tensor> features = new(images.Length);
        Tensor[] pixels = Array.ConvertAll(images, _view.Preprocess);
        for (int start = 0, end; start < pixels.Length; start = end)
        {
            for (end = start + 1; end < pixels.Length && pixels[end].shape.SequenceEqual(pixels[start].shape);)
                end++;
            int first = start;
            Tensor input = stack(pixels[start..end]).to(_encoder.Device);
            using VisionFeatures batch = FiniteOutput.Renamed(() => _encoder.EncodePatches(input), i => name(images[first + i]));
            features.AddRange(Enumerable.Range(0, end - start).Select(i => batch.Patches.narrow(0, i, 1).clone()));
        }
        return features;
    }

    private static PatchQualityResult ScorePair(int pair, Tensor generated, Tensor reference, bool[,]? generatedMask, bool[,]? referenceMask)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor? generatedGrid = Grid(generatedMask, generated, pair, "generated image"), referenceGrid = Grid(referenceMask, reference, pair, "reference");
        (Tensor p, Tensor q) = PatchSimilarity.ComputeBoth(generated, reference, generatedGrid, referenceGrid);
        QualityMap generatedQuality = QualityMap.FromTensor(WithinMask(p, generatedGrid)[0]), referenceQuality = QualityMap.FromTensor(
            WithinMask(q, referenceGrid)[0]);
        float score = (generatedGrid, referenceGrid) switch
        {
            (null, not null) => Mean(q, referenceGrid),
            (not null, null) => Mean(p, generatedGrid),
            _ => (Mean(p, generatedGrid) + Mean(q, referenceGrid)) / 2,
        };
        return new PatchQualityResult(generatedQuality, referenceQuality, score);
    }

    // Outside a mask there is nothing to find fault with: with quality 1, training takes nothing from a reference's background.
    private static Tensor WithinMask(Tensor quality, Tensor? mask) => mask is null ? quality : quality.MaskedFilled(mask.logical_not(), 1);

    private static float Mean(Tensor quality, Tensor? mask)
        => (mask is null ? quality : quality.masked_select(mask)).to(float64).mean().to(float32).item<float>();

    private static Tensor? Grid(bool[,]? mask, Tensor features, int pair, string side)
    {
        if (mask is null)
            return null;
        bool[,] grid = ForegroundMask.ToPatchGrid(mask, (int)features.shape[1], (int)features.shape[2]);
        bool[] flat = [.. grid.Cast<bool>()];
        if (Array.IndexOf(flat, true) < 0)
            throw new ArgumentException($"The foreground mask of the {side} of pair {pair} holds no foreground.");
        return tensor(flat, [1, grid.GetLength(0), grid.GetLength(1)], device: features.device);
    }
}
