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
        => [.. new[] { options.GeneratedColumnName, options.ReferenceColumnName, options.GeneratedMaskColumnName,
            options.ReferenceMaskColumnName }.OfType<string>().Select(name => new ImageInput(name))];

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
        Func<ImageBuffer> reference = new ImageInput(options.ReferenceColumnName).Reader(row);
        Func<bool[,]?> generatedMask = MaskReader(options.GeneratedMaskColumnName, row);
        Func<bool[,]?> referenceMask = MaskReader(options.ReferenceMaskColumnName, row);
        return () =>
        {
            (ImageBuffer image, ImageBuffer ofReference) = (generated(), reference());
            return new ImagePair(image, ofReference, generatedMask(), options.IgnorePlainBackground ? PlainBackground.Of(ofReference).Object()
                : referenceMask());
        };
    }

    public override IReadOnlyList<ScoredPair> Compute(IReadOnlyList<ImagePair> rows)
    {
        IReadOnlyList<PatchQualityResult> results = estimator.Score(
            rows.Select(r => r.Generated).ToArray(), rows.Select(r => r.Reference).ToArray(), [.. rows.Select(r => r.ReferenceMask)],
                [.. rows.Select(r => r.GeneratedMask)]);
        return rows.Zip(results, (row, result) => new ScoredPair(row.Generated, result)).ToArray();
    }

    private static Func<bool[,]?> MaskReader(string? column, DataViewRow row)
    {
        if (column is null)
            return () => null;
        Func<ImageBuffer> read = new ImageInput(column).Reader(row);
        return () =>
        {
            bool[,] mask = ForegroundMask.FromImage(read());
            return mask.Cast<bool>().Contains(true) ? mask : throw new InvalidRowException(
                column, row.Position, "the mask holds no object: none of its pixels is light.");
        };
    }
}
