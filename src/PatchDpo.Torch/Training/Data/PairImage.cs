using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Torch.Training.Data;

/// <summary>One of a pair's two images, without its pixels.</summary>
/// <param name="Content">Which image it is (<see cref="ImageBuffer.Content"/>).</param>
/// <param name="Width">Its width in pixels.</param>
/// <param name="Height">Its height in pixels.</param>
/// <param name="Quality">The quality of its patches.</param>
internal sealed record PairImage(UInt128 Content, int Width, int Height, QualityMap Quality)
{
    /// <summary>An image and its quality.</summary>
    public static PairImage Of(ImageBuffer image, QualityMap quality) => new(image.Content, image.Width, image.Height, quality);
}
