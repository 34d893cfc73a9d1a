using PatchDpo.Torch.Images;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.Elite;

/// <summary>What ELITE's encoder and mappers are given of a reference and its mask.</summary>
/// <remarks>datasets.py, CustomDatasetWithBG. A mask is a picture of the reference's size whose object is anything but black.</remarks>
internal static class ElitePictures
{
    // The reference's first step from a mask to the grid of patches; it skips pixels, so that it is no detail.
    private const int SegmentationSize = 128;

    /// <summary>A picture as CLIP takes it, its sides brought to one length each by itself: <c>(3,S,S)</c>, which the caller disposes.</summary>
    public static Tensor Pixels(ImageBuffer picture, int size)
        => ImageTensors.FromImage(PillowResize.Resize(picture.ToRgb(), size, size, ResampleFilter.Bicubic), PixelNormalization.Clip);

    /// <summary>The object on black.</summary>
    public static ImageBuffer Object(ImageBuffer picture, ImageBuffer mask)
    {
        byte[] pixels = [.. picture.ToRgb().Pixels], kept = mask.ToRgb().Pixels;
        for (int i = 0; i < pixels.Length; i++)
            if (kept[i] == 0)
                pixels[i] = 0;
        return new ImageBuffer(picture.Width, picture.Height, 3, pixels);
    }

    /// <summary>The mask at the reference's intermediate size: RGB, 0 or 1.</summary>
    public static ImageBuffer Segmentation(ImageBuffer mask) => Nearest(mask.ToRgb(), SegmentationSize);

    /// <summary>Which patches show the object, 0 or 1: <c>(grid*grid,1)</c>, row by row, which the caller disposes.</summary>
    public static Tensor Patches(ImageBuffer mask, int grid)
    {
        byte[] pixels = Nearest(Segmentation(mask), grid).Pixels;
        return tensor(Enumerable.Range(0, grid * grid).Select(i => (float)pixels[3 * i]).ToArray()).unsqueeze_(1);
    }

    // PyTorch's nearest, in its float arithmetic; Pillow's looks at the middle of a pixel.
    private static ImageBuffer Nearest(ImageBuffer mask, int size)
    {
        byte[] pixels = new byte[3 * size * size];
        float high = (float)mask.Height / size, wide = (float)mask.Width / size;
        for (int i = 0; i < pixels.Length; i++)
        {
            int y = Math.Min((int)(i / 3 / size * high), mask.Height - 1), x = Math.Min((int)(i / 3 % size * wide), mask.Width - 1);
            pixels[i] = mask.Pixels[(((y * mask.Width) + x) * 3) + (i % 3)] > 0 ? (byte)1 : (byte)0;
        }
        return new ImageBuffer(size, size, 3, pixels);
    }
}
