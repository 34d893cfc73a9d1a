using Microsoft.ML.Data;

namespace PatchDpo.MLNet;

/// <summary>An object of a pair's sample, as ML.NET reads it before its images are loaded.</summary>
internal sealed class ImagePromptRow
{
    public string Path { get; set; } = "";

    public string MaskPath { get; set; } = "";

    public string Name { get; set; } = "";

    // Four zeros are no box.
    [VectorType(4)]
    public float[] Box { get; set; } = new float[4];
}
