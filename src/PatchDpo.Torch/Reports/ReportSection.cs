namespace PatchDpo.Torch.Reports;

/// <summary>A part of the page.</summary>
/// <param name="Anchor">Its id.</param>
/// <param name="Title">Its heading.</param>
/// <param name="Body">What stands below the heading.</param>
/// <param name="Links">Parts of it that the page's navigation names: ids and titles.</param>
/// <param name="Definitions">The scores that it shows.</param>
internal sealed record ReportSection(
    string Anchor, string Title, Html Body, IReadOnlyList<(string Anchor, string Title)> Links, IReadOnlyList<ScoreDefinition> Definitions);
