namespace PatchDpo.Torch.Reports;

/// <summary>A table of images, which a script lets people sort and filter.</summary>
/// <param name="anchor">Its id.</param>
/// <param name="caption">What it holds, in which order.</param>
/// <param name="columns">The headings of its numbers, and how these are written.</param>
internal sealed class DataTable(string anchor, string caption, IReadOnlyList<(Html Title, string Format)> columns)
{
    private readonly List<DataRow> _rows = [];

    /// <summary>What the first column names.</summary>
    public string Kind { get; init; } = "Image";

    /// <summary>Adds a row below the others.</summary>
    public void Add(DataRow row) => _rows.Add(row);

    /// <summary>The table, with its filters, which are hidden where no script runs.</summary>
    public Html Render()
    {
        bool hasPrompts = _rows.Any(r => r.Prompt.Length > 0), hasSubjects = _rows.Any(r => r.Subject.Length > 0);
        string[] subjects = [.. _rows.Select(r => r.Subject).Where(s => s.Length > 0).Distinct().Order(StringComparer.Ordinal)];
        Html choice = subjects.Length < 2 ? Html.Empty
            : $"<label>Subject <select><option value=\"\">all</option>{subjects.Select(s => (Html)$"<option>{s}</option>")}</select></label>";
        return $"""
            <div class="table" id="{anchor}">
            <div class="filters" hidden><label>Filter <input type="search" placeholder="name, subject or prompt" autocomplete="off" spellcheck="false"></label>{choice}
            <output aria-live="polite"></output></div>
            <div class="scroll" role="region" aria-label="{caption}" tabindex="0"><table class="data"><caption>{caption}</caption>
            <thead><tr><th scope="col" data-kind="number">#</th><th scope="col">{Kind}</th>{When(hasSubjects, "<th scope=\"col\">Subject</th>")}{columns.Select(c =>
                (Html)$"<th scope=\"col\" data-kind=\"number\">{c.Title}</th>")}{When(hasPrompts, "<th scope=\"col\">Prompt</th>")}</tr></thead>
            <tbody>
            {_rows.Select((r, i) => Row(r, i, hasSubjects, hasPrompts))}</tbody></table></div>
            </div>

            """;
    }

    private Html Row(DataRow row, int place, bool hasSubject, bool hasPrompt)
    {
        Html name = $"<bdi>{row.Name}</bdi>";
        if (row.Anchor is not null)
            name = $"<a href=\"#{row.Anchor}\">{name}</a>";
        Html subject = hasSubject ? $"<td><bdi>{row.Subject}</bdi></td>" : Html.Empty;
        Html prompt = hasPrompt ? $"<td class=\"prompt\"><bdi>{row.Prompt}</bdi></td>" : Html.Empty;
        return $"<tr><td>{place + 1}</td><th scope=\"row\">{name}</th>{subject}{row.Values.Zip(columns, (v, c) => Number(v, c.Format))}{prompt}</tr>\n";
    }

    private static Html Number(double? value, string format)
    {
        Html sortedBy = value is double number && double.IsFinite(number) ? $" data-v=\"{Html.Plain(number, "0.######")}\"" : Html.Empty;
        return $"<td class=\"number\"{sortedBy}>{Html.Number(value, format)}</td>";
    }

    private static Html When(bool isThere, string markup) => isThere ? Html.Raw(markup) : Html.Empty;
}
