using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Tool.Score;

/// <summary>All pairs in one picture, one below the other, on one scale.</summary>
internal static class Overview
{
    private const int Cell = 224, ScaleSteps = 256;

    /// <summary>Draws it.</summary>
    /// <param name="pairs">The pairs, from top to bottom.</param>
    /// <param name="ignorePlainBackground">Whether a reference on a plain background counts as its object alone.</param>
    /// <param name="range">The scale of all maps.</param>
    /// <param name="title">What stands below a pair.</param>
    public static ImageBuffer Draw(IReadOnlyList<ScoredPair> pairs, bool ignorePlainBackground, HeatMapOptions range, Func<ScoredPair, string> title) => ImageGrid.Compose(
        [.. pairs.Select(p => Row(p, ignorePlainBackground, range))], new ImageGridOptions
        {
            CellSize = Cell,
            LabelSize = 14,
            ColumnTitles = ["reference", "found in the generated image", "generated image", "found in the reference"],
            RowCaptions = [.. pairs.Select(title)],
            Legend = new ImageGridLegend(HeatMap.Scale(range, ScaleSteps), $"not found, {range.Worst:F2}", $"{range.Best:F2}, found"),
        });

    private static ImageBuffer[] Row(ScoredPair pair, bool ignorePlainBackground, HeatMapOptions range)
    {
        EvaluationRow row = pair.Pair.Load(ignorePlainBackground);
        ImageBuffer reference = row.References[0].ToRgb(), generated = row.Generated.ToRgb();
        return
        [
            reference, HeatMap.Render(reference, pair.Reference, HeatMapSheet.Within(range, row.ReferenceMasks?[0])),
            generated, HeatMap.Render(generated, pair.Generated, HeatMapSheet.Within(range, row.GeneratedMask)),
        ];
    }
}
