namespace ClusterImages;

/// <summary>A picture of a character in some scene, and what the character is.</summary>
internal sealed class DrawnImage
{
    public string Path { get; set; } = "";

    public string Kind { get; set; } = "";
}
