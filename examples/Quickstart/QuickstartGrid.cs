using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;

namespace Quickstart;

/// <summary>The picture that shows what fine-tuning changed.</summary>
internal static class QuickstartGrid
{
    private const int ShownRows = 4, Enlarged = 4, ScaleSteps = 256;

    /// <summary>
    /// Writes reference, before, after and both heat maps of the rows in which most parts came right or went wrong, one of a subject. So both are shown
    /// where they happen; of photos, whose parts nobody knows, it is the first rows.
    /// </summary>
    public static void Write(string path, Workload before, Workload after, string heatMapsBefore, string heatMapsAfter)
    {
        PartChange[][] changes = [.. before.Rows.Select((_, i) => before.Changes(i, after).ToArray())];
        int[] picks =
        [
            .. Enumerable.Range(0, before.Rows.Count).OrderByDescending(i => changes[i].Length).DistinctBy(i => before.Rows[i].Subject).Take(ShownRows),
        ];
        bool isKnown = changes.Any(c => c.Length > 0);
        ImageBuffer grid = ImageGrid.Compose(
            [.. picks.Select(i => new[]
            {
                ImageFile.Load(before.Rows[i].ReferencePath).ToRgb(),
                Framed(before.Rows[i].GeneratedPath, changes[i]),
                Framed(HeatMapOf(heatMapsBefore, before.Rows[i]), changes[i]),
                Framed(after.Rows[i].GeneratedPath, changes[i]),
                Framed(HeatMapOf(heatMapsAfter, before.Rows[i]), changes[i]),
            })],
            new ImageGridOptions
            {
                CellSize = 256,
                Gap = 10,
                LabelSize = 17,
                ColumnTitles = ["reference", "before", "its patch quality", "after PatchDPO", "its patch quality"],
                RowCaptions = [.. picks.Select(i => isKnown
                    ? $"{before.Rows[i].Prompt}: {Parts(changes[i].Count(c => c.IsMended))} came right, {Parts(changes[i].Count(c => !c.IsMended))} went wrong"
                    : before.Rows[i].Prompt)],
                Legend = Legend(),
                Footer = isKnown
                    ? ["How to read a map: red is not in the reference, as most of a scene is not; pale blue is found there.",
                        "Green frames: parts of a wrong colour that came right. Red frames: parts that went wrong. Shown are the four subjects with most of both."]
                    : ["How to read a map: red is not in the reference, as most of a scene is not; pale blue is found there."],
            });
        ImageFile.SavePng(path, grid);
    }

    private static string Parts(int count) => count == 1 ? "1 part" : $"{count} parts";

    private static string HeatMapOf(string folder, Row row) => Path.Combine(folder, Path.GetFileName(row.GeneratedPath));

    // The colours as maps have them over white.
    private static ImageGridLegend Legend()
    {
        var ramp = new QualityMap(1, ScaleSteps, [.. Enumerable.Range(0, ScaleSteps).Select(i => i / (ScaleSteps - 1f))]);
        var white = new ImageBuffer(ScaleSteps, 1, 1, [.. Enumerable.Repeat(byte.MaxValue, ScaleSteps)]);
        return new ImageGridLegend(HeatMap.Render(white, ramp, new HeatMapOptions { Worst = 0, Best = 1 }), "not found in the reference", "found");
    }

    /// <summary>An image, enlarged, with a frame around each part that changed.</summary>
    private static ImageBuffer Framed(string file, IReadOnlyList<PartChange> changes)
    {
        ImageBuffer small = ImageFile.Load(file).ToRgb();
        (int width, int height) = (small.Width * Enlarged, small.Height * Enlarged);
        byte[] pixels = new byte[3 * width * height];
        for (int i = 0; i < width * height; i++)
            small.Pixels.AsSpan(3 * ((i / width / Enlarged * small.Width) + (i % width / Enlarged)), 3).CopyTo(pixels.AsSpan(3 * i));
        foreach (PartChange change in changes)
        {
            // White beside the colour shows it on any ground.
            for (int inset = 0; inset < 4; inset++)
                Frame(change, inset, inset == 3 ? [255, 255, 255] : change.IsMended ? [0, 150, 60] : [230, 0, 30]);
        }
        return new ImageBuffer(width, height, 3, pixels);

        void Frame(PartChange box, int inset, byte[] colour)
        {
            (int left, int right) = ((box.Left * Enlarged) - 6 + inset, ((box.Right + 1) * Enlarged) + 5 - inset);
            (int top, int bottom) = ((box.Top * Enlarged) - 6 + inset, ((box.Bottom + 1) * Enlarged) + 5 - inset);
            for (int y = Math.Max(top, 0); y <= Math.Min(bottom, height - 1); y++)
                for (int x = Math.Max(left, 0); x <= Math.Min(right, width - 1); x++)
                    if (x == left || x == right || y == top || y == bottom)
                        colour.CopyTo(pixels, 3 * ((y * width) + x));
        }
    }
}
