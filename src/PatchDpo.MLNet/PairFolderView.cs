using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.Torch.DataConstruction;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.MLNet;

/// <summary>A folder of pairs as a view with the columns that <see cref="PatchDpoTrainer"/> takes by default.</summary>
internal static class PairFolderView
{
    public static IDataView Open(MLContext context, string folder, ImageDecodeOptions? images)
    {
        PairFolder pairs = PairFolder.Open(folder);
        SchemaDefinition schema = SchemaDefinition.Create(typeof(PairFolderRow));
        schema[nameof(PairFolderRow.ReferenceQuality)].ColumnType = GridOf(pairs.Pairs[0].ReferenceQuality);
        schema[nameof(PairFolderRow.GeneratedQuality)].ColumnType = GridOf(pairs.Pairs[0].GeneratedQuality);
        IDataView rows = context.Data.LoadFromEnumerable(pairs.Pairs.Select(RowOf).ToArray(), schema);
        return context.PatchDpo.LoadImages("Reference", null, nameof(PairFolderRow.ReferencePath), images)
            .Append(context.PatchDpo.LoadImages("Generated", null, nameof(PairFolderRow.GeneratedPath), images))
            .Fit(rows).Transform(rows);
    }

    private static VectorDataViewType GridOf(QualityMap map) => new(NumberDataViewType.Single, map.Height, map.Width);

    private static PairFolderRow RowOf(PairEntry pair) => new()
    {
        Sample = pair.Sample,
        Index = pair.Index,
        Prompt = pair.Prompt,
        ReferencePath = pair.ReferencePath,
        GeneratedPath = pair.GeneratedPath,
        ReferenceQuality = pair.ReferenceQuality.Values,
        GeneratedQuality = pair.GeneratedQuality.Values,
    };
}
