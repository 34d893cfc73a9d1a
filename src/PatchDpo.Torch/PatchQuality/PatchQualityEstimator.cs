using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
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
/// <para>With views of the references (<see cref="ReferenceViews"/>) p(x_gen) is the maximum over a reference's views, and p(x_ref) of a patch the maximum
/// over the views' patches that show it; a mask of the reference goes with each view.</para>
/// <para>With an <see cref="ObjectAlignment"/> generated objects are compared in their references' place and size, if they match better there.</para>
/// <para>Each picture is encoded once, in whatever pairs and calls it stands and on either side, as long as its features are in the
/// <see cref="FeatureCache"/>; so the encoder's weights must not change while an estimator is in use. Which images are encoded together decides the last
/// bits of their features: the same calls give the same bits, other batches cosines within 1e-5.</para>
/// <para>The encoder is not disposed. An instance is not safe for use by several threads at once if its encoder is not; the encoder's preprocessor is
/// called from several.</para>
/// </remarks>
/// <example><code language="csharp">
/// using IVisionEncoder encoder = PatchEncoder.LoadEmbedded();   // of photos: PatchEncoder.LoadResNet18()
/// var estimator = new PatchQualityEstimator(encoder);
/// ImageBuffer generated = ImageFile.Load("generated/cat.png"), reference = ImageFile.Load("photos/cat.png");
/// PatchQualityResult quality = estimator.Score([generated], [reference])[0];
/// Console.WriteLine($"{quality.Score:F3}; the worst patch has {quality.Generated.Values.Min():F3}");
/// ImageFile.SavePng("heat-map.png", HeatMap.Render(generated, quality.Generated));
/// </code></example>
public sealed class PatchQualityEstimator
{
    // Rows in which new pictures are looked for, so that the encoder's batches are full where most pictures are known.
    private const int WindowBatches = 32;

    private readonly IVisionEncoder _encoder;
    private readonly bool _hasOwnCache;
    private readonly PatchFeatures _features;
    private readonly ReferenceViews? _referenceViews;
    private readonly ReferenceView[] _views;
    private readonly ObjectAlignment? _objectAlignment;

    /// <summary>Creates an estimator.</summary>
    /// <param name="encoder">Gives the patch features; stays the caller's to dispose.</param>
    /// <param name="batchSize">Images encoded at once, at least 1.</param>
    /// <param name="cache">
    /// Keeps features, also for other estimators with this encoder; stays the caller's to dispose. Null: one of the default size in memory.
    /// </param>
    /// <param name="referenceViews">
    /// Views of each reference to match beside it, encoded once a reference: for objects that prompts turn or shrink. Null: none, as in the paper.
    /// </param>
    /// <param name="objectAlignment">
    /// Has generated objects brought to their references' place and size, for which <see cref="Score"/> needs the masks of both images; p is then how likely a
    /// patch is right. Not together with views. Null: objects are compared where they are, as in the paper.
    /// </param>
    /// <exception cref="ArgumentException">
    /// The cache is another encoder's; or it has a folder, and the encoder is none of this library's; or views and alignment are both asked for.
    /// </exception>
    /// <exception cref="Weights.WeightsFormatException">A file in the cache's folder is damaged.</exception>
    /// <exception cref="IOException">The cache's folder cannot be read or made.</exception>
    public PatchQualityEstimator(
        IVisionEncoder encoder, int batchSize = 16, FeatureCache? cache = null, ReferenceViews? referenceViews = null, ObjectAlignment? objectAlignment = null)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        if (referenceViews is not null && objectAlignment is not null)
            throw new ArgumentException(
                "Objects that are aligned are not compared with views of their references; ask for one of the two.", nameof(objectAlignment));
        _encoder = encoder;
        _referenceViews = referenceViews;
        _objectAlignment = objectAlignment;
        _views = referenceViews?.All() ?? [ReferenceView.Itself];
        _hasOwnCache = cache is null;
        cache ??= new FeatureCache();
        cache.Bind(encoder);
        _features = new PatchFeatures(encoder, batchSize, cache);
        BatchSize = batchSize;
    }

    /// <summary>How many images are encoded at once.</summary>
    public int BatchSize { get; }

    /// <summary>
    /// The same estimator before it has seen an image, so that the same rows give the same bits whatever was scored before; itself where the user shares a
    /// cache.
    /// </summary>
    internal PatchQualityEstimator Afresh() => _hasOwnCache ? new PatchQualityEstimator(
        _encoder, BatchSize, referenceViews: _referenceViews, objectAlignment: _objectAlignment) : this;

    /// <summary>The features that it compares, for who prepares images ahead.</summary>
    internal PatchFeatures Features => _features;

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
    /// <exception cref="ArgumentException">
    /// The lists differ in length; or a mask holds no foreground, or is missing where objects are aligned (the message names the pair).
    /// </exception>
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

        return ScorePrepared(
            [.. generated.Select(image => new PreparedImage(image))], [.. references.Select(image => new PreparedImage(image))], referenceMasks, generatedMasks,
            cancellationToken);

        void CheckCount(int? count, string name)
        {
            if (count is int c && c != generated.Count)
                throw new ArgumentException($"There are {generated.Count} generated images, but {c} {name}.", name);
        }
    }

    /// <summary>As <see cref="Score"/>, of images that may have been prepared ahead.</summary>
    internal IReadOnlyList<PatchQualityResult> ScorePrepared(
        IReadOnlyList<PreparedImage> generated, IReadOnlyList<PreparedImage> references, IReadOnlyList<bool[,]?>? referenceMasks,
        IReadOnlyList<bool[,]?>? generatedMasks, CancellationToken cancellationToken = default)
    {
        if (_objectAlignment is not null)
            return new AlignedScoring(_features, BatchSize, _objectAlignment).Score(generated, references, referenceMasks, generatedMasks, cancellationToken);
        using IDisposable noGrad = no_grad();
        var scoring = new PairScoring(_views, BatchSize, _features.Device);
        List<PatchQualityResult> results = new(generated.Count);
        while (results.Count < generated.Count)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int start = results.Count, end = WindowEnd(generated, references, start);
            PreparedImage[][] pairs = [.. Enumerable.Range(start, end - start).Select(i => ImagesOf(generated[i], references[i]))];
            Dictionary<UInt128, PatchMap> maps = _features.Of([.. pairs.SelectMany(p => p)], i => Name(start, i), cancellationToken);
            results.AddRange(scoring.Score([.. pairs.Select((pair, i) => new EncodedPair(
                start + i, maps[pair[0].Content], Array.ConvertAll(pair[1..], view => maps[view.Content]),
                generatedMasks?[start + i], referenceMasks?[start + i]))]));
        }
        return results;

        (string, int) Name(int start, int image)
        {
            int images = 1 + _views.Length, pair = start + (image / images);
            return ($"the {(image % images == 0 ? "generated image" : "reference")} of pair {pair}", pair);
        }
    }

    /// <summary>Scores generated images of several objects, each object with a reference of its own.</summary>
    /// <param name="generated">Generated images of any sizes.</param>
    /// <param name="objects">Of each generated image, a reference of each of its objects, at least one.</param>
    /// <param name="objectMasks">Of each reference the foreground, as <see cref="Score"/> takes it; null: none.</param>
    /// <param name="cancellationToken">Stops between batches.</param>
    /// <returns>One result a generated image, in order.</returns>
    /// <exception cref="ArgumentException">
    /// The lists differ in length, or an image has no object; or the estimator aligns objects, which this does not.
    /// </exception>
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
        return ScorePreparedObjects(
            [.. generated.Select(image => new PreparedImage(image))], [.. objects.Select(o => o.Select(image => new PreparedImage(image)).ToArray())],
            objectMasks, cancellationToken);
    }

    /// <summary>As <see cref="ScoreObjects"/>, of images that may have been prepared ahead.</summary>
    internal IReadOnlyList<ObjectsQualityResult> ScorePreparedObjects(
        IReadOnlyList<PreparedImage> generated, IReadOnlyList<IReadOnlyList<PreparedImage>> objects,
        IReadOnlyList<IReadOnlyList<bool[,]?>>? objectMasks = null, CancellationToken cancellationToken = default)
    {
        if (_objectAlignment is not null)
            throw new ArgumentException("Only images of one object are aligned.", nameof(objects));
        if (objects.Count != generated.Count || (objectMasks is not null && !objectMasks.Select(m => m.Count).SequenceEqual(objects.Select(o => o.Count))))
            throw new ArgumentException(
                $"The objects of {objects.Count} images, or their masks, do not fit the {generated.Count} generated images.", nameof(objects));
        if (objects.Index().FirstOrDefault(o => o.Item.Count == 0) is (int empty, { }))
            throw new ArgumentException($"The generated image {empty} has no object to be compared with.", nameof(objects));
        int[] owners = [.. objects.SelectMany((o, i) => Enumerable.Repeat(i, o.Count))];
        IReadOnlyList<PatchQualityResult> pairs = FiniteOutput.Renamed(
            () => ScorePrepared(
                [.. owners.Select(i => generated[i])], [.. objects.SelectMany(o => o)], objectMasks?.SelectMany(m => m).ToArray(), null, cancellationToken),
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

    /// <summary>Behind the pairs that are scored together: a batch of them, or more where they have less than a batch of new pictures.</summary>
    private int WindowEnd(IReadOnlyList<PreparedImage> generated, IReadOnlyList<PreparedImage> references, int start)
    {
        HashSet<UInt128> fresh = [];
        int end = start, limit = (int)Math.Min(generated.Count, start + ((long)BatchSize * WindowBatches));
        while (end < limit && (end - start < BatchSize || fresh.Count < BatchSize))
        {
            foreach (PreparedImage image in ImagesOf(generated[end], references[end]))
                if (!_features.IsKnown(image.Content))
                    fresh.Add(image.Content);
            end++;
        }
        return end;
    }

    /// <summary>What is encoded of a pair: the generated image, then the reference's views, itself first.</summary>
    private PreparedImage[] ImagesOf(PreparedImage generated, PreparedImage reference) => [generated, .. ReferenceView.Of(reference, _views)];
}
