using Microsoft.ML;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using Options = PatchDpo.MLNet.PatchQualityScoringEstimator.Options;

namespace PatchDpo.MLNet;

/// <summary>Pairs of images in, quality maps and scores out.</summary>
internal sealed class PatchQualityScoringMapping(PatchQualityEstimator estimator, Options options, int mapHeight, int mapWidth, Action endPass)
    : BatchedMapping<ImagePair, ScoredPair>
{
    private readonly ImagePreparation _preparation = new(
        estimator.Features, options.IgnorePlainBackground ? [options.ReferenceColumnName] : [], options.ObjectAlignment is null);

    public override int BatchSize => options.BatchSize;

    public override bool Prepares => true;

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
            outputs.Add(RowOutput.Image<ScoredPair>(heatMap, size: null, s => HeatMap.Render(s.Generated.Load(), s.Quality.Generated)));
        return outputs.ToArray();
    }

    public override Func<ImagePair> Reader(DataViewRow row)
    {
        Func<RowImage> generated = new ImageInput(options.GeneratedColumnName).Images(row);
        Func<RowImage> reference = new ImageInput(options.ReferenceColumnName).Images(row);
        Func<bool[,]?> generatedMask = MaskReader(options.GeneratedMaskColumnName, row);
        Func<bool[,]?> referenceMask = MaskReader(options.ReferenceMaskColumnName, row);
        return () => new ImagePair(row.Position, generated(), reference(), generatedMask(), referenceMask());
    }

    public override IReadOnlyList<RowImage> ImagesOf(ImagePair row) => [row.Generated, row.Reference];

    public override void Prepare(RowImage image) => _preparation.Prepare(image);

    public override bool IsNew(RowImage image) => _preparation.IsNew(image);

    public override void EndPass() => endPass();

    public override IReadOnlyList<ScoredPair> Compute(IReadOnlyList<ImagePair> rows)
    {
        IReadOnlyList<PatchQualityResult> results = estimator.ScorePrepared(
            [.. rows.Select(r => _preparation.Of(r.Generated))], [.. rows.Select(r => _preparation.Of(r.Reference))],
            [.. rows.Select(ReferenceMask)], [.. rows.Select(r => r.GeneratedMask)]);
        return rows.Zip(results, (row, result) => new ScoredPair(row.Generated, result)).ToArray();
    }

    private bool[,]? ReferenceMask(ImagePair pair)
    {
        bool[,]? mask = pair.ReferenceMask ?? _preparation.MaskOf(pair.Reference);
        return mask is not null || options.ObjectAlignment is null ? mask : throw new InvalidRowException(
            options.ReferenceColumnName, pair.Row, "the background is not plain, so that there is no object to align by; a column of masks says where it is.");
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
