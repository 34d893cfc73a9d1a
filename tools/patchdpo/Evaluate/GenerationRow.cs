namespace PatchDpo.Tool.Evaluate;

/// <summary>A generation and its subject's photos; the pipeline's input row. A subject has at most six photos; what is empty is not there.</summary>
internal sealed class GenerationRow
{
    public required string Subject { get; init; }

    public required string Prompt { get; init; }

    public required string GeneratedPath { get; init; }

    public string Photo1Path { get; init; } = "";

    public string Photo2Path { get; init; } = "";

    public string Photo3Path { get; init; } = "";

    public string Photo4Path { get; init; } = "";

    public string Photo5Path { get; init; } = "";

    public string Photo6Path { get; init; } = "";
}
