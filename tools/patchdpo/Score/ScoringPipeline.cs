using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Tool.Score;

/// <summary>The ML.NET pipeline: paths to images to patch quality.</summary>
/// <param name="like">One of the pairs: it tells on which sides they have masks.</param>
/// <param name="ignorePlainBackground">Whether only the object counts where a reference shows it on a plain background.</param>
/// <param name="encoder">Gives the patch features.</param>
internal sealed class ScoringPipeline(ImagePair like, bool ignorePlainBackground, EncoderChoice encoder) : IDisposable
{
    private readonly MLContext _ml = new(seed: 1);
    private readonly PatchQualityScoringEstimator.Options _options = new()
    {
        IgnorePlainBackground = ignorePlainBackground,
        GeneratedMaskColumnName = like.GeneratedMaskPath.Length > 0 ? "GeneratedMask" : null,
        ReferenceMaskColumnName = like.ReferenceMaskPath.Length > 0 ? "ReferenceMask" : null,
    };

    private TransformerChain<PatchQualityScoringTransformer>? _model;

    /// <summary>Pairs that are encoded together: what one is scored depends on them in its last bits, and on nothing else.</summary>
    public int BatchSize => _options.BatchSize;

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

    public void Dispose() => _model?.Dispose();

    // The columns that are read back; the images stay in the pipeline.
    private sealed class Output
    {
        public float[] GeneratedQuality { get; set; } = [];

        public float[] ReferenceQuality { get; set; } = [];

        public float PatchQualityScore { get; set; }
    }
}
