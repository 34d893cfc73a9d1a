namespace PatchDpo.Torch.Images;

/// <summary>Holds the size in an image's header against the limits, before pixels are decoded.</summary>
internal static class ImageLimits
{
    public static void CheckSize(long width, long height, string source, ImageDecodeOptions options)
    {
        if (width < 1 || height < 1)
            throw new InvalidImageException(source, $"its size is {width} x {height}.");
        if (width > options.MaxSide || height > options.MaxSide)
            throw new ImageTooLargeException(source, $"its size is {width} x {height}; a side may have at most {options.MaxSide} pixels.");
        if (width * height > options.MaxPixels)
            throw new ImageTooLargeException(source, $"its size is {width} x {height}; at most {options.MaxPixels} pixels are allowed.");
    }
}
