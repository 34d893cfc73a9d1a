using Microsoft.ML.Data;

namespace FilterByQuality;

/// <summary>A row of the table.</summary>
internal sealed class Pair
{
    [LoadColumn(0)]
    public string ReferencePath { get; set; } = "";

    [LoadColumn(1)]
    public string GeneratedPath { get; set; } = "";
}
