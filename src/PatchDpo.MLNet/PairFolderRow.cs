namespace PatchDpo.MLNet;

/// <summary>A pair of a folder, as ML.NET reads it before its images are loaded.</summary>
internal sealed class PairFolderRow
{
    public required int Sample { get; init; }

    public required int Index { get; init; }

    public required string Prompt { get; init; }

    public required string ReferencePath { get; init; }

    public required string GeneratedPath { get; init; }

    public required float[] ReferenceQuality { get; init; }

    public required float[] GeneratedQuality { get; init; }
}
