namespace PatchDpo.Tool.Score;

/// <summary>A generated image and one of its references; the pipeline's input row.</summary>
internal sealed class ImagePair
{
    public required string ReferencePath { get; init; }

    public required string GeneratedPath { get; init; }

    public string Prompt { get; init; } = "";
}
