using PatchDpo.Torch.Reports;

namespace PatchDpo.Tool.Shared;

/// <summary>A page that was asked for.</summary>
/// <param name="Path">Where it goes.</param>
/// <param name="Pictures">How many images it shows with pictures.</param>
/// <param name="Configuration">The command line, defaults included.</param>
internal sealed record ReportFile(string Path, int Pictures, IReadOnlyList<KeyValuePair<string, string>> Configuration)
{
    /// <summary>Writes it.</summary>
    /// <param name="title">Its heading.</param>
    /// <param name="notes">What its reader must know.</param>
    /// <param name="fill">Adds what it shows.</param>
    public void Write(string title, IReadOnlyList<string> notes, Action<HtmlReport> fill)
    {
        var report = new HtmlReport(title) { Notes = notes, MaxPictures = Pictures, Configuration = Configuration };
        fill(report);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path)!);
        report.Write(Path);
        Console.WriteLine($"report written to '{Path}'");
    }
}
