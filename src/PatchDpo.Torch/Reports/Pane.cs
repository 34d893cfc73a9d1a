using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Torch.Reports;

/// <summary>A picture of a figure, with the heat map that belongs to it.</summary>
/// <param name="Caption">What it is.</param>
/// <param name="Image">The picture.</param>
/// <param name="MapCaption">What its map shows.</param>
/// <param name="Map">Its map; null: none.</param>
/// <param name="Mask">What the map covers; null: all of it.</param>
/// <param name="Worst">Patches that are numbered on it.</param>
internal sealed record Pane(
    string Caption, ImageBuffer Image, string MapCaption = "", QualityMap? Map = null, bool[,]? Mask = null, IReadOnlyList<WorstPatch>? Worst = null)
{
    /// <summary>The picture and its map, one beside the other; a script lays the second over the first.</summary>
    public Html Render(int size, HeatMapOptions range)
    {
        ImageBuffer image = Image.ScaleTo(size);
        Html picture = Picture(image, Caption, Boxes(), "");
        if (Map is null)
            return picture;
        var options = new HeatMapOptions { Worst = range.Worst, Best = range.Best, Mask = Mask };
        return $"{picture}{Picture(HeatMap.Render(image, Map, options), MapCaption, Boxes(), " map")}";
    }

    private static Html Picture(ImageBuffer image, string caption, Html boxes, string kind) => $"""
        <figure class="pane{kind}"><div class="frame"><div class="stack" style="aspect-ratio:{image.Width}/{image.Height};--ratio:{Html.Plain((double)image.Width / image.Height, "0.####")}">
        <img src="{PictureData.Uri(image)}" width="{image.Width}" height="{image.Height}" alt="{caption}" decoding="async">{boxes}
        </div></div><figcaption>{caption}</figcaption></figure>

        """;

    // In the image's own pixels; a browser scales them with the picture.
    private Html Boxes()
    {
        if (Worst is not { Count: > 0 })
            return Html.Empty;
        double unit = Math.Max(Image.Width, Image.Height) / 100d;
        return $"""
            <svg class="boxes" viewBox="0 0 {Image.Width} {Image.Height}" preserveAspectRatio="none" aria-hidden="true">{Worst.Select(Box)}</svg>
            """;

        Html Box(WorstPatch p, int i)
        {
            double width = 6 * unit, x = p.X + p.Width + width <= Image.Width ? p.X + p.Width : Math.Max(0, p.X - width);
            double y = Math.Clamp(p.Y, 0, Math.Max(0, Image.Height - (7 * unit)));
            return $"""
                <rect class="halo" x="{p.X}" y="{p.Y}" width="{p.Width}" height="{p.Height}"/><rect class="line" x="{p.X}" y="{p.Y}" width="{p.Width}" height="{p.Height}"/><rect class="tag" x="{Html.Plain(x)}" y="{Html.Plain(y)}" width="{Html.Plain(width)}" height="{Html.Plain(7 * unit)}"/><text x="{Html.Plain(x + (width / 2))}" y="{Html.Plain(y + (5.3 * unit))}" font-size="{Html.Plain(5.4 * unit)}">{i + 1}</text>
                """;
        }
    }
}
