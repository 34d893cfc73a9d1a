using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Tool.Score;

/// <summary>The ML.NET pipeline: paths to images to patch quality.</summary>
/// <param name="like">One of the pairs: it tells on which sides they have masks.</param>
/// <param name="ignorePlainBackground">Whether only the object counts where a reference shows it on a plain background.</param>
/// <param name="encoder">Gives the patch features.</param>
/// <param name="views">Views of each reference that patches may match; null: itself alone.</param>
/// <param name="alignment">How generated objects are brought to their references' place and size, by the masks of both; null: they are not.</param>
/// <param name="work">Images encoded at once, and what is kept of them.</param>
internal sealed class ScoringPipeline(
    ImagePair like, bool ignorePlainBackground, EncoderChoice encoder, ReferenceViews? views, ObjectAlignment? alignment,
    (int BatchSize, FeatureCacheOptions Features) work) : IDisposable
{
    /// <summary>
    /// Pairs that are scored together. Where images are encoded one by one, which is so unless another batch is asked for, what a pair is scored depends on
    /// the pair alone, to the last bit.
    /// </summary>
    public const int PairsTogether = 16;

    private readonly MLContext _ml = encoder.Context();
    private readonly PatchQualityScoringEstimator.Options _options = new()
    {
        IgnorePlainBackground = ignorePlainBackground,
        ReferenceViews = views,
        ObjectAlignment = alignment,
        BatchSize = PairsTogether,
        EncoderBatchSize = work.BatchSize,
        FeatureCache = work.Features,
        GeneratedMaskColumnName = like.GeneratedMaskPath.Length > 0 ? "GeneratedMask" : null,
        ReferenceMaskColumnName = like.ReferenceMaskPath.Length > 0 ? "ReferenceMask" : null,
    };

    private TransformerChain<PatchQualityScoringTransformer>? _model;

    /// <summary>Scores pairs in order, as they are asked for; images are not kept.</summary>
    public IEnumerable<ScoredPair> Score(IReadOnlyList<ImagePair> pairs, CancellationToken cancellationToken)
    {
        IDataView data = _ml.Data.LoadFromEnumerable(pairs);
        _model ??= Pipeline().Fit(data);
        (int height, int width) = (_model.LastTransformer.MapHeight, _model.LastTransformer.MapWidth);
        int row = 0;
        foreach (Output output in _ml.Data.CreateEnumerable<Output>(_model.Transform(data), reuseRowObject: false))
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return new ScoredPair(pairs[row++], new QualityMap(height, width, output.GeneratedQuality),
                new QualityMap(height, width, output.ReferenceQuality), output.PatchQualityScore);
        }
    }

    public void Dispose() => _model?.Dispose();

    private EstimatorChain<PatchQualityScoringTransformer> Pipeline()
    {
        EstimatorChain<ImageFileLoadingTransformer> loading = _ml.PatchDpo.LoadImages("Reference", inputColumnName: nameof(ImagePair.ReferencePath))
            .Append(_ml.PatchDpo.LoadImages("Generated", inputColumnName: nameof(ImagePair.GeneratedPath)));
        if (_options.GeneratedMaskColumnName is string generated)
            loading = loading.Append(_ml.PatchDpo.LoadImages(generated, inputColumnName: nameof(ImagePair.GeneratedMaskPath)));
        if (_options.ReferenceMaskColumnName is string reference)
            loading = loading.Append(_ml.PatchDpo.LoadImages(reference, inputColumnName: nameof(ImagePair.ReferenceMaskPath)));
        return loading.Append(_ml.PatchDpo.ScorePatchQuality(encoder.ForPipeline(), _options));
    }

    // The columns that are read back; the images stay in the pipeline.
    private sealed class Output
    {
        public float[] GeneratedQuality { get; set; } = [];

        public float[] ReferenceQuality { get; set; } = [];

        public float PatchQualityScore { get; set; }
    }
}
