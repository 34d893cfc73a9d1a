namespace ClusterImages;

/// <summary>What a character is, and the cluster that it was put into.</summary>
internal sealed class ClusteredImage
{
    public string Kind { get; set; } = "";

    public uint PredictedLabel { get; set; }
}
