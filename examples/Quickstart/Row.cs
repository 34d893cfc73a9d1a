namespace Quickstart;

/// <summary>A row of the ML.NET pipeline: draw the subject of a reference photo as the prompt says.</summary>
public sealed class Row
{
    public string Subject { get; set; } = "";

    public string Prompt { get; set; } = "";

    public string ReferencePath { get; set; } = "";

    /// <summary>Where the generated image is written to and read from.</summary>
    public string GeneratedPath { get; set; } = "";

    /// <summary>Gives each row its own starting noise; before and after fine-tuning it is the same.</summary>
    public int Noise { get; set; }
}
