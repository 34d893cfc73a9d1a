using System.Text.Json;

namespace PatchDpo.Documents.Tests;

/// <summary>A Jupyter notebook's cells of code.</summary>
/// <param name="Code">Their text, in order.</param>
internal sealed record Notebook(IReadOnlyList<string> Code)
{
    public static Notebook Read(string path)
    {
        using JsonDocument file = JsonDocument.Parse(File.ReadAllText(path));
        return new Notebook([.. file.RootElement.GetProperty("cells").EnumerateArray()
            .Where(cell => cell.GetProperty("cell_type").GetString() == "code")
            .Select(cell => string.Concat(cell.GetProperty("source").EnumerateArray().Select(line => line.GetString())))]);
    }
}
