using Microsoft.ML;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using Options = PatchDpo.MLNet.PatchQualityScoringEstimator.Options;

namespace PatchDpo.MLNet;

/// <summary>Pairs of images in, quality maps and scores out.</summary>
internal sealed class PatchQualityScoringMapping(PatchQualityEstimator estimator, Options options, int mapHeight, int mapWidth)
    : BatchedMapping<ImagePair, ScoredPair>
{
    public override int BatchSize => options.BatchSize;

    public override IReadOnlyList<RowInput> Inputs { get; } = InputsOf(options);

    public override IReadOnlyList<RowOutput<ScoredPair>> Outputs { get; } = OutputsOf(options, mapHeight, mapWidth);

    public static RowInput[] InputsOf(Options options)
        => [new ImageInput(options.GeneratedColumnName), new ImageInput(options.ReferenceColumnName)];

    public static RowOutput<ScoredPair>[] OutputsOf(Options options, int mapHeight, int mapWidth)
    {
        List<RowOutput<ScoredPair>> outputs =
        [
            RowOutput.Vector<ScoredPair>(options.GeneratedQualityColumnName, [mapHeight, mapWidth], s => s.Quality.Generated.Values),
            RowOutput.Vector<ScoredPair>(options.ReferenceQualityColumnName, [mapHeight, mapWidth], s => s.Quality.Reference.Values),
            RowOutput.Single<ScoredPair>(options.ScoreColumnName, s => s.Quality.Score),
        ];
        if (options.HeatMapColumnName is string heatMap)
            outputs.Add(RowOutput.Image<ScoredPair>(heatMap, size: null, s => HeatMap.Render(s.Generated, s.Quality.Generated)));
        return outputs.ToArray();
    }

    public override Func<ImagePair> Reader(DataViewRow row)
    {
        Func<ImageBuffer> generated = new ImageInput(options.GeneratedColumnName).Reader(row);
        Func<ImageBuffer> reference = SharedImages.Reader(new ImageInput(options.ReferenceColumnName).Reader(row));
        return () => new ImagePair(generated(), reference());
    }

    public override IReadOnlyList<ScoredPair> Compute(IReadOnlyList<ImagePair> rows)
    {
        bool[,]?[]? masks = options.IgnorePlainBackground ? rows.Select(r => Foreground(r.Reference)).ToArray() : null;
        IReadOnlyList<PatchQualityResult> results = estimator.Score(
            rows.Select(r => r.Generated).ToArray(), rows.Select(r => r.Reference).ToArray(), masks);
        return rows.Zip(results, (row, result) => new ScoredPair(row.Generated, result)).ToArray();
    }

    // An image that is plain all over has no foreground; then all of it counts.
    private static bool[,]? Foreground(ImageBuffer reference)
    {
        bool[,] mask = ForegroundMask.FromPlainBackground(reference);
        return mask.Cast<bool>().Any(p => p) ? mask : null;
    }
}
