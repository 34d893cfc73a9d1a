using System.Globalization;
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
        rows = context.PatchDpo.LoadImages("Reference", null, nameof(PairFolderRow.ReferencePath), images)
            .Append(context.PatchDpo.LoadImages("Generated", null, nameof(PairFolderRow.GeneratedPath), images))
            .Fit(rows).Transform(rows);
        for (int i = 0; i < CountImagePrompts(pairs); i++)
            rows = WithImagePrompt(context, rows, pairs, i, images);
        return rows;
    }

    // Columns are as many in every row, and there is none for a scale or further photos.
    private static int CountImagePrompts(PairFolder pairs)
    {
        int count = pairs.Pairs[0].ImagePrompts?.Count ?? 0;
        foreach (PairEntry pair in pairs.Pairs)
        {
            IReadOnlyList<PairImagePrompt> prompts = pair.ImagePrompts ?? [];
            if (prompts.Count != count)
                throw Unsuitable(pair, $"it has {prompts.Count} image prompts, the first sample {count}");
            if (prompts.Any(p => p.Scale is not null))
                throw Unsuitable(pair, "an image prompt of it has a scale");
            if (prompts.Any(p => p.PhotoPaths.Count > 0))
                throw Unsuitable(pair, "an image prompt of it has further photos");
        }
        return count;

        PairFolderException Unsuitable(PairEntry pair, string problem)
            => new(pairs.Path, $"sample {pair.Sample}",
                $"{problem}, for which there are no columns. Train with {nameof(PairFolder)}.{nameof(PairFolder.Read)}.");
    }

    private static IDataView WithImagePrompt(MLContext context, IDataView rows, PairFolder pairs, int number, ImageDecodeOptions? images)
    {
        Dictionary<int, PairImagePrompt> prompts = pairs.Pairs.DistinctBy(p => p.Sample).ToDictionary(p => p.Sample, p => p.ImagePrompts![number]);
        string column = string.Create(CultureInfo.InvariantCulture, $"ImagePrompt{number}");
        SchemaDefinition schema = SchemaDefinition.Create(typeof(ImagePromptRow));
        foreach (SchemaDefinition.Column member in schema)
            member.ColumnName = column + member.MemberName;
        return context.Transforms.CustomMapping<SampleRow, ImagePromptRow>((sample, row) => Fill(prompts[sample.Sample], row), null, null, schema)
            .Append(context.PatchDpo.LoadImages(column, null, column + nameof(ImagePromptRow.Path), images))
            .Append(context.PatchDpo.LoadImages(column + "Mask", null, column + nameof(ImagePromptRow.MaskPath), images, allowMissing: true))
            .Fit(rows).Transform(rows);
    }

    private static void Fill(PairImagePrompt prompt, ImagePromptRow row)
    {
        row.Path = prompt.ImagePath;
        row.MaskPath = prompt.MaskPath ?? "";
        row.Name = prompt.Name ?? "";
        row.Box = prompt.Box is LayoutBox box ? [(float)box.Left, (float)box.Top, (float)box.Right, (float)box.Bottom] : new float[4];
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
