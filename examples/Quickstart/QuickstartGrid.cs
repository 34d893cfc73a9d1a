using PatchDpo.Torch.Images;

namespace Quickstart;

/// <summary>The picture that shows what fine-tuning changed.</summary>
internal static class QuickstartGrid
{
    /// <summary>Writes reference, before, after and both heat maps of a few rows, whose subjects all differ.</summary>
    public static void Write(string path, IReadOnlyList<Row> before, IReadOnlyList<Row> after, string heatMapsBefore, string heatMapsAfter, int rows)
    {
        ImageBuffer Load(string file) => ImageFile.Load(file).ToRgb();
        string HeatMap(string folder, Row row) => Path.Combine(folder, Path.GetFileName(row.GeneratedPath));
        int[] picks = Enumerable.Range(0, before.Count).DistinctBy(i => before[i].Subject).Take(rows).ToArray();
        ImageBuffer grid = ImageGrid.Compose(
            picks.Select(i => (IReadOnlyList<ImageBuffer>)
            [
                Load(before[i].ReferencePath),
                Load(before[i].GeneratedPath),
                Load(HeatMap(heatMapsBefore, before[i])),
                Load(after[i].GeneratedPath),
                Load(HeatMap(heatMapsAfter, after[i])),
            ]).ToList(),
            new ImageGridOptions
            {
                CellSize = 192,
                ColumnTitles = ["reference", "before", "patch quality before", "after PatchDPO", "patch quality after"],
                RowCaptions = picks.Select(i => before[i].Prompt).ToList(),
            });
        ImageFile.SavePng(path, grid);
    }
}
