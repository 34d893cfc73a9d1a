using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using PatchDpo.Torch.Evaluation;

namespace PatchDpo.Torch.Reports;

/// <summary>The page around the sections.</summary>
internal static class ReportPage
{
    private static readonly string Style = Asset("report.css"), Script = Asset("report.js");

    /// <summary>The whole file.</summary>
    public static Html Compose(
        HtmlReport report, IReadOnlyList<ReportSection> sections, IReadOnlyList<EvaluationModel> models, IReadOnlyList<ScoreDefinition> definitions)
    {
        // Nothing is fetched, and no script runs but this one, whatever a name on the page holds.
        string hash = Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Script)));
        string policy = $"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'";
        (string Anchor, string Title)[] links =
        [
            .. sections.SelectMany(s => s.Links.Prepend((s.Anchor, s.Title))),
            .. report.Configuration.Count > 0 ? new[] { ("configuration", "Configuration") } : [],
            .. models.Count > 0 ? new[] { ("models", "Models") } : [],
            ("definitions", "Definitions"),
        ];
        return $"""
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="{Html.Raw(policy)}">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta name="referrer" content="no-referrer">
            <title>{report.Title}</title>
            <link rel="icon" href="data:,">
            <style>{Html.Raw(Style)}</style>
            </head>
            <body>
            <a class="skip" href="#main">Skip to the content</a>
            <header class="page">
            <h1><bdi>{report.Title}</bdi></h1>
            <p class="muted">{Made()}</p>
            <nav aria-label="Contents"><ul>{links.Select(l => (Html)$"<li><a href=\"#{l.Anchor}\">{l.Title}</a></li>")}</ul></nav>
            </header>
            <main id="main">
            {Notes(report.Notes)}
            {sections.Select(Section)}
            {Configuration(report.Configuration)}
            {Models(models)}
            <section id="definitions" aria-labelledby="definitions-h">
            <h2 id="definitions-h">What the numbers mean</h2>
            <dl class="definitions">{definitions.Select(d => (Html)$"<div id=\"def-{d.Anchor}\"><dt>{d.Title}</dt><dd>{d.Text}</dd></div>")}</dl>
            </section>
            </main>
            <script>{Html.Raw(Script)}</script>
            </body>
            </html>

            """;
    }

    private static string Made()
    {
        Assembly assembly = typeof(ReportPage).Assembly;
        string version = assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? $"{assembly.GetName().Version}";
        // The commit behind the version is of no use to a reader.
        return string.Create(CultureInfo.InvariantCulture, $"PatchDpo {version.Split('+')[0]} · {DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC");
    }

    private static Html Notes(IReadOnlyList<string> notes) => notes.Count == 0 ? Html.Empty
        : $"<div class=\"notes\" role=\"note\">{notes.Select(n => (Html)$"<p>{n}</p>")}</div>";

    private static Html Section(ReportSection section) => $"""
        <section id="{section.Anchor}" aria-labelledby="{section.Anchor}-h">
        <h2 id="{section.Anchor}-h">{section.Title}</h2>
        {section.Body}
        </section>

        """;

    private static Html Configuration(IReadOnlyList<KeyValuePair<string, string>> configuration) => configuration.Count == 0 ? Html.Empty : $"""
        <section id="configuration" aria-labelledby="configuration-h">
        <h2 id="configuration-h">Configuration</h2>
        <div class="scroll" role="region" aria-label="Configuration" tabindex="0"><table class="facts"><tbody>
        {configuration.Select(c => (Html)$"<tr><th scope=\"row\">{c.Key}</th><td><bdi>{c.Value}</bdi></td></tr>")}
        </tbody></table></div>
        </section>
        """;

    private static Html Models(IReadOnlyList<EvaluationModel> models) => models.Count == 0 ? Html.Empty : $"""
        <section id="models" aria-labelledby="models-h">
        <h2 id="models-h">Models</h2>
        <p class="muted">Figures compare with others only where they were measured with the same models: the same fingerprints.</p>
        <div class="scroll" role="region" aria-label="Models" tabindex="0"><table class="facts"><thead>
        <tr><th scope="col">For</th><th scope="col">Model</th><th scope="col">SHA-256 of its weights</th></tr></thead><tbody>
        {models.Select(m => (Html)$"<tr><th scope=\"row\">{m.Role}</th><td><bdi>{m.Name}</bdi></td><td class=\"hash\">{m.Sha256}</td></tr>")}
        </tbody></table></div>
        </section>
        """;

    private static string Asset(string name)
    {
        using Stream stream = typeof(ReportPage).Assembly.GetManifestResourceStream(name)!;
        using StreamReader reader = new(stream);
        // As a browser reads it, so that the script's hash is that of what it sees.
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
