using System.Text.Json;

namespace PatchDpo.Torch.Tests;

/// <summary>What model parity tests share: listing fixtures and reading their tolerances.</summary>
internal static class FixtureCases
{
    /// <summary>The JSON files of a fixture folder as theory data: paths relative to the fixtures' root.</summary>
    public static TheoryData<string> Json(string folder, string pattern = "*.json")
        => [.. Fixtures.Find(folder, pattern).Select(f => $"{folder}/{Path.GetFileName(f)}")];

    /// <summary>The path of a file beside a fixture's JSON file that has the same name with another ending.</summary>
    public static string Sibling(string json, string ending) => json[..^".json".Length] + ending;

    /// <summary>The absolute tolerance that a fixture gives for an output.</summary>
    public static double Tolerance(JsonElement fixture, string output)
        => fixture.GetProperty("tolerances").GetProperty(output).GetProperty("tol_abs").GetDouble();
}
