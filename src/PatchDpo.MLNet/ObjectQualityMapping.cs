using Microsoft.ML;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.PatchQuality;
using Options = PatchDpo.MLNet.PatchQualityScoringEstimator.Options;

namespace PatchDpo.MLNet;

/// <summary>Images of several objects and a reference of each in; quality maps and scores of all and of each out.</summary>
/// <param name="estimator">Scores.</param>
/// <param name="options">Columns and choices, with columns of several objects.</param>
/// <param name="mapHeight">Rows of a map.</param>
/// <param name="mapWidth">Columns of a map.</param>
/// <param name="endPass">Called when a view has been read.</param>
internal sealed class ObjectQualityMapping(PatchQualityEstimator estimator, Options options, int mapHeight, int mapWidth, Action endPass)
    : BatchedMapping<ImageObjects, ScoredObjects>
{
    private readonly ImagePreparation _preparation = new(
        estimator.Features, options.IgnorePlainBackground ? [.. options.ObjectReferenceColumnNames!] : [], encodesWhole: true);

    public override int BatchSize => options.BatchSize;

    public override bool Prepares => true;

    public override IReadOnlyList<RowInput> Inputs { get; } = InputsOf(options);

    public override IReadOnlyList<RowOutput<ScoredObjects>> Outputs { get; } = OutputsOf(options, mapHeight, mapWidth);

    public static RowInput[] InputsOf(Options options)
        => [.. options.ObjectReferenceColumnNames!.Prepend(options.GeneratedColumnName).Select(name => new ImageInput(name))];

    public static RowOutput<ScoredObjects>[] OutputsOf(Options options, int mapHeight, int mapWidth)
    {
        List<RowOutput<ScoredObjects>> outputs =
        [
            RowOutput.Vector<ScoredObjects>(options.GeneratedQualityColumnName, [mapHeight, mapWidth], s => s.Quality.Generated.Values),
            RowOutput.Single<ScoredObjects>(options.ScoreColumnName, s => s.Quality.Score),
        ];
        foreach ((int i, string reference) in options.ObjectReferenceColumnNames!.Index())
        {
            outputs.Add(RowOutput.Vector<ScoredObjects>(
                reference + "GeneratedQuality", [mapHeight, mapWidth], s => s.Quality.Objects[i].Generated.Values));
            outputs.Add(RowOutput.Vector<ScoredObjects>(reference + "Quality", [mapHeight, mapWidth], s => s.Quality.Objects[i].Reference.Values));
            outputs.Add(RowOutput.Single<ScoredObjects>(reference + "Score", s => s.Quality.Objects[i].Score));
        }
        if (options.HeatMapColumnName is string heatMap)
            outputs.Add(RowOutput.Image<ScoredObjects>(heatMap, size: null, s => HeatMap.Render(s.Generated.Load(), s.Quality.Generated)));
        return outputs.ToArray();
    }

    public override Func<ImageObjects> Reader(DataViewRow row)
    {
        Func<RowImage> generated = new ImageInput(options.GeneratedColumnName).Images(row);
        Func<RowImage>[] references = [.. options.ObjectReferenceColumnNames!.Select(name => new ImageInput(name).Images(row))];
        return () => new ImageObjects(generated(), Array.ConvertAll(references, read => read()));
    }

    public override IReadOnlyList<RowImage> ImagesOf(ImageObjects row) => [row.Generated, .. row.References];

    public override void Prepare(RowImage image) => _preparation.Prepare(image);

    public override bool IsNew(RowImage image) => _preparation.IsNew(image);

    public override void EndPass() => endPass();

    public override IReadOnlyList<ScoredObjects> Compute(IReadOnlyList<ImageObjects> rows)
    {
        IReadOnlyList<ObjectsQualityResult> results = estimator.ScorePreparedObjects(
            [.. rows.Select(r => _preparation.Of(r.Generated))], [.. rows.Select(r => Array.ConvertAll(r.References, _preparation.Of))],
            options.IgnorePlainBackground ? [.. rows.Select(r => Array.ConvertAll(r.References, _preparation.MaskOf))] : null);
        return rows.Zip(results, (row, result) => new ScoredObjects(row.Generated, result)).ToArray();
    }
}
