using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace WebService;

/// <summary>What is to be drawn.</summary>
internal sealed class ImageRequest
{
    public string Prompt { get; set; } = "";

    // ML.NET wants a size here; images of any size come through.
    [ImageType(64, 64)]
    public MLImage? Reference { get; set; }
}
