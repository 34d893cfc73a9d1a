using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Tool.Score;

/// <summary>The ML.NET pipeline: paths to images to patch quality.</summary>
internal static class ScoringPipeline
{
    /// <summary>Scores pairs in order, as they are asked for; images are not kept.</summary>
    public static IEnumerable<ScoredPair> Score(
        IReadOnlyList<ImagePair> pairs, bool ignorePlainBackground, EncoderChoice encoder, (int BatchSize, FeatureCacheOptions Features) work,
        CancellationToken cancellationToken)
    {
        MLContext ml = encoder.Context();
        IDataView data = ml.Data.LoadFromEnumerable(pairs);
        EstimatorChain<PatchQualityScoringTransformer> pipeline = ml.PatchDpo.LoadImages("Reference", inputColumnName: nameof(ImagePair.ReferencePath))
            .Append(ml.PatchDpo.LoadImages("Generated", inputColumnName: nameof(ImagePair.GeneratedPath)))
            .Append(ml.PatchDpo.ScorePatchQuality(
                encoder.ForPipeline(), new PatchQualityScoringEstimator.Options
                {
                    IgnorePlainBackground = ignorePlainBackground,
                    BatchSize = work.BatchSize,
                    FeatureCache = work.Features,
                }));
        using TransformerChain<PatchQualityScoringTransformer> model = pipeline.Fit(data);
        (int height, int width) = (model.LastTransformer.MapHeight, model.LastTransformer.MapWidth);
        int row = 0;
        foreach (Output output in ml.Data.CreateEnumerable<Output>(model.Transform(data), reuseRowObject: false))
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return new ScoredPair(pairs[row++], new QualityMap(height, width, output.GeneratedQuality),
                new QualityMap(height, width, output.ReferenceQuality), output.PatchQualityScore);
        }
    }

    // The columns that are read back; the images stay in the pipeline.
    private sealed class Output
    {
        public float[] GeneratedQuality { get; set; } = [];

        public float[] ReferenceQuality { get; set; } = [];

        public float PatchQualityScore { get; set; }
    }
}
