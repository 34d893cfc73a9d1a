using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace WebService;

/// <summary>What was drawn.</summary>
internal sealed class ImageResponse
{
    [ImageType(64, 64)]
    public MLImage? Generated { get; set; }
}
