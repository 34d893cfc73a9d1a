using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Tool.Score;

/// <summary>The ML.NET pipeline: paths to images to patch quality.</summary>
internal static class ScoringPipeline
{
    /// <summary>Scores pairs in order, as they are asked for; images are not kept.</summary>
    public static IEnumerable<ScoredPair> Score(
        IReadOnlyList<ImagePair> pairs, bool ignorePlainBackground, EncoderChoice encoder, CancellationToken cancellationToken)
    {
        var ml = new MLContext(seed: 1);
        IDataView data = ml.Data.LoadFromEnumerable(pairs);
        (bool hasMasks, bool hasReferenceMasks) = (pairs[0].GeneratedMaskPath.Length > 0, pairs[0].ReferenceMaskPath.Length > 0);
        EstimatorChain<ImageFileLoadingTransformer> loading = ml.PatchDpo.LoadImages("Reference", inputColumnName: nameof(ImagePair.ReferencePath))
            .Append(ml.PatchDpo.LoadImages("Generated", inputColumnName: nameof(ImagePair.GeneratedPath)));
        if (hasMasks)
            loading = loading.Append(ml.PatchDpo.LoadImages("GeneratedMask", inputColumnName: nameof(ImagePair.GeneratedMaskPath)));
        if (hasReferenceMasks)
            loading = loading.Append(ml.PatchDpo.LoadImages("ReferenceMask", inputColumnName: nameof(ImagePair.ReferenceMaskPath)));
        EstimatorChain<PatchQualityScoringTransformer> pipeline = loading.Append(ml.PatchDpo.ScorePatchQuality(
            encoder.ForPipeline(), new PatchQualityScoringEstimator.Options
            {
                IgnorePlainBackground = ignorePlainBackground,
                GeneratedMaskColumnName = hasMasks ? "GeneratedMask" : null,
                ReferenceMaskColumnName = hasReferenceMasks ? "ReferenceMask" : null,
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
