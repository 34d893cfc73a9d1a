namespace FilterByQuality;

/// <summary>A row with its score.</summary>
internal sealed class ScoredPair
{
    public string GeneratedPath { get; set; } = "";

    public float PatchQualityScore { get; set; }
}
