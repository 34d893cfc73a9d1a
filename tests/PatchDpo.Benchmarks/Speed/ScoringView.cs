using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet;
using PatchDpo.Torch.Encoders;

namespace PatchDpo.Benchmarks.Speed;

/// <summary>Pairs of files through the ML.NET pipeline, from paths to scores.</summary>
internal static class ScoringView
{
    /// <summary>Scores all pairs with a pipeline that has seen none of them.</summary>
    /// <returns>The sum of the scores.</returns>
    public static double Score(IEnumerable<(string Generated, string Reference)> pairs, IVisionEncoder encoder, int batchSize, long cacheBytes = 512L << 20)
    {
        var ml = new MLContext(seed: 1);
        IDataView data = ml.Data.LoadFromEnumerable(pairs.Select(p => new Pair { Generated = p.Generated, Reference = p.Reference }));
        EstimatorChain<PatchQualityScoringTransformer> pipeline = ml.PatchDpo.LoadImages("ReferenceImage", inputColumnName: nameof(Pair.Reference))
            .Append(ml.PatchDpo.LoadImages("GeneratedImage", inputColumnName: nameof(Pair.Generated)))
            .Append(ml.PatchDpo.ScorePatchQuality(ImageEncoder.FromInstance(encoder), new PatchQualityScoringEstimator.Options
            {
                GeneratedColumnName = "GeneratedImage",
                ReferenceColumnName = "ReferenceImage",
                BatchSize = batchSize,
                FeatureCache = new() { MaxBytes = cacheBytes },
            }));
        using TransformerChain<PatchQualityScoringTransformer> model = pipeline.Fit(data);
        return model.Transform(data).GetColumn<float>("PatchQualityScore").Sum(s => (double)s);
    }

    private sealed class Pair
    {
        public string Generated { get; set; } = "";

        public string Reference { get; set; } = "";
    }
}
