using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Torch.Reports;

/// <summary>The worst images of a section with their pictures, under one scale for all heat maps.</summary>
/// <param name="options">How they are shown.</param>
internal sealed class PictureSet(PictureOptions options)
{
    /// <summary>How many patches of an image are named.</summary>
    public const int NamedPatches = 3;

    private readonly List<(string Title, Html Facts, Func<IReadOnlyList<Pane>> Panes, WorstPatch[] Worst, string WorstTitle)> _figures = [];
    private readonly List<(QualityMap Map, bool[,]? Mask)> _maps = [];

    /// <summary>The id of the figure at a place, from 0.</summary>
    public string AnchorOf(int place) => $"{options.Anchor}-p{place + 1}";

    /// <summary>Adds an image.</summary>
    /// <param name="title">Its name.</param>
    /// <param name="facts">Its scores, subject and prompt.</param>
    /// <param name="maps">All maps that the panes have, for the scale.</param>
    /// <param name="worst">The patches that are named below its pictures.</param>
    /// <param name="worstTitle">What these are called.</param>
    /// <param name="panes">Loads its pictures, when the scale is known.</param>
    public void Add(
        string title, Html facts, IEnumerable<(QualityMap, bool[,]?)> maps, IReadOnlyList<WorstPatch> worst, string worstTitle,
        Func<IReadOnlyList<Pane>> panes)
    {
        _maps.AddRange(maps);
        _figures.Add((title, facts, panes, [.. worst], worstTitle));
    }

    /// <summary>The figures, with the scale and how to read it.</summary>
    /// <param name="intro">Which images these are.</param>
    public Html Render(string intro)
    {
        if (_figures.Count == 0)
            return Html.Empty;
        HeatMapOptions range = _maps.Count > 0 ? HeatMap.CommonRange(_maps) : new HeatMapOptions();
        Html legend = _maps.Count > 0 ? Legend(range, _maps.Any(m => m.Mask is not null)) : Html.Empty;
        return $"<p class=\"muted\">{intro}</p>{legend}<div class=\"figures\">{_figures.Select((f, i) => Figure(i, f, range))}</div>";
    }

    private Html Figure(
        int place, (string Title, Html Facts, Func<IReadOnlyList<Pane>> Panes, WorstPatch[] Worst, string WorstTitle) figure, HeatMapOptions range)
    {
        string anchor = AnchorOf(place);
        IReadOnlyList<Pane> panes = figure.Panes();
        Html patches = figure.Worst.Length == 0 ? Html.Empty : $"""
            <p class="named muted">{figure.WorstTitle}</p><ol class="patches">{figure.Worst.Select(p =>
                (Html)$"<li><b>{p.Quality:F2}</b> <span class=\"muted\">{PlaceOf(p)}</span></li>")}</ol>
            """;
        static Html PlaceOf(WorstPatch p)
            => $"row {p.Row}, column {p.Column}; pixels {p.X}–{p.X + p.Width - 1} × {p.Y}–{p.Y + p.Height - 1}";
        return $"""
            <article class="figure" id="{anchor}" aria-labelledby="{anchor}-h">
            <h4 id="{anchor}-h"><span class="rank">{place + 1}</span> <bdi>{figure.Title}</bdi></h4>
            <p class="facts">{figure.Facts}</p>
            <div class="panes">{panes.Select(p => p.Render(options.Size, range))}</div>
            {patches}
            </article>

            """;
    }

    private static Html Legend(HeatMapOptions range, bool hasMasks)
    {
        const int Stops = 11;
        (float low, float high) = (range.Worst!.Value, range.Best!.Value);
        byte[] colours = HeatMap.Scale(range, Stops).Pixels;
        Html stops = Html.Raw(string.Join(',', Enumerable.Range(0, Stops).Select(i => $"rgb({colours[3 * i]},{colours[(3 * i) + 1]},{colours[(3 * i) + 2]})")));
        const int Ticks = 5;
        Html ticks = Html.Join(Enumerable.Range(0, Ticks).Select(i => (Html)$"<span>{low + ((high - low) * i / (Ticks - 1)):F2}</span>"));
        return $"""
            <div class="legend" role="group" aria-label="Scale of the heat maps">
            <div class="scale"><span>not found</span><div><div class="ramp" style="background:linear-gradient(to right,{stops})"></div>
            <div class="ticks">{ticks}</div></div><span>found</span></div>
            <p class="muted">A heat map colours each patch by its patch quality: the largest cosine similarity with any patch on the other side. Dark red:
            nothing like it there; pale blue: it is there. One scale holds for all maps of this section; numbers mark the worst patches. {(hasMasks
                ? "Grey is outside a mask and does not count."
                : "Without masks backgrounds count too, and are red wherever scenes differ: look at the subject, or give masks of it.")}</p>
            </div>
            """;
    }
}
