namespace PatchDpo.Torch.Images;

/// <summary>Small conversions of an <see cref="ImageBuffer"/>.</summary>
public static class ImageBufferExtensions
{
    /// <summary>Brings an image to RGB as Pillow's <c>convert("RGB")</c> does: grey is repeated, alpha is dropped without compositing.</summary>
    /// <param name="image">Grey, RGB or RGBA.</param>
    /// <returns>An image with 3 channels; <paramref name="image"/> itself if it has 3.</returns>
    public static ImageBuffer ToRgb(this ImageBuffer image)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (image.Channels == 3)
            return image;
        if (image.Channels == 4)
            return new ImageBuffer(image.Width, image.Height, 3, PixelBlock.WithoutFourth(image.Pixels));
        byte[] output = new byte[checked(image.Width * image.Height * 3)];
        for (int i = 0; i < image.Pixels.Length; i++)
            output.AsSpan(3 * i, 3).Fill(image.Pixels[i]);
        return new ImageBuffer(image.Width, image.Height, 3, output);
    }

    /// <summary>Brings an image to a size for people to look at, whole and in its proportions.</summary>
    /// <param name="image">Any size; brought to RGB first.</param>
    /// <param name="longerSide">Pixels of the longer side, at least 1.</param>
    /// <returns>RGB. A small image is enlarged by whole pixels as far as they go, so that it is seen as it is; else bicubic.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="longerSide"/> is below 1.</exception>
    public static ImageBuffer ScaleTo(this ImageBuffer image, int longerSide)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentOutOfRangeException.ThrowIfLessThan(longerSide, 1);
        ImageBuffer rgb = image.ToRgb();
        int factor = longerSide / Math.Max(rgb.Width, rgb.Height);
        if (factor > 1)
            rgb = PillowResize.Resize(rgb, rgb.Width * factor, rgb.Height * factor, ResampleFilter.Nearest);
        double scale = (double)longerSide / Math.Max(rgb.Width, rgb.Height);
        (int width, int height) = (Math.Max(1, (int)Math.Round(rgb.Width * scale)), Math.Max(1, (int)Math.Round(rgb.Height * scale)));
        return (width, height) == (rgb.Width, rgb.Height) ? rgb : PillowResize.Resize(rgb, width, height, ResampleFilter.Bicubic);
    }

    /// <summary>Cuts a rectangle out, as Pillow's <c>crop</c> does: what lies outside the image is 0 (black; transparent for RGBA).</summary>
    /// <param name="image">Any channels.</param>
    /// <param name="x">Left edge in pixels; may be negative.</param>
    /// <param name="y">Top edge in pixels; may be negative.</param>
    /// <param name="width">Width in pixels, at least 1.</param>
    /// <param name="height">Height in pixels, at least 1.</param>
    /// <returns>A new image of that size.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1.</exception>
    public static ImageBuffer Crop(this ImageBuffer image, int x, int y, int width, int height)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        byte[] output = new byte[checked(width * height * image.Channels)];
        PixelBlock.Copy(image, x, y, output, width, height);
        return new ImageBuffer(width, height, image.Channels, output);
    }

    /// <summary>Resizes an image to fit a white square and centres it there.</summary>
    /// <param name="image">Any size; brought to RGB first.</param>
    /// <param name="size">Side of the square in pixels, at least 1.</param>
    /// <returns><paramref name="size"/> x <paramref name="size"/>, RGB.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="size"/> is below 1.</exception>
    /// <remarks>
    /// What the official <c>resize_padding_image</c> gives: bilinear, the shorter side truncated (but at least 1), odd padding goes right and below.
    /// </remarks>
    public static ImageBuffer FitInWhiteSquare(this ImageBuffer image, int size)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        double aspect = (double)image.Width / image.Height;
        int width = aspect > 1 ? size : Math.Max(1, (int)(size * aspect));
        int height = aspect > 1 ? Math.Max(1, (int)(size / aspect)) : size;
        ImageBuffer content = PillowResize.Resize(image.ToRgb(), width, height, ResampleFilter.Bilinear);
        byte[] output = new byte[checked(size * size * 3)];
        output.AsSpan().Fill(255);
        PixelBlock.Copy(content, -((size - width) / 2), -((size - height) / 2), output, size, size);
        return new ImageBuffer(size, size, 3, output);
    }
}
