namespace CompareModels;

/// <summary>Draw a subject as the prompt says.</summary>
internal sealed class Request
{
    public string Subject { get; set; } = "";

    public string Prompt { get; set; } = "";

    public string ReferencePath { get; set; } = "";

    /// <summary>Gives each request its own starting noise.</summary>
    public int Noise { get; set; }
}
