namespace TuneAndSave;

/// <summary>Draw the object of a reference as the prompt says.</summary>
internal sealed class Row
{
    public string Prompt { get; set; } = "";

    public string ReferencePath { get; set; } = "";

    /// <summary>Gives each row its own starting noise.</summary>
    public int Noise { get; set; }
}
