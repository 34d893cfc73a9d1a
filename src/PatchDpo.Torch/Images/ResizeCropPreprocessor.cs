using static TorchSharp.torch;

namespace PatchDpo.Torch.Images;

/// <summary>What the reference preprocessors share: the shorter side is resized, the centre is cropped, the pixels are normalised.</summary>
public abstract class ResizeCropPreprocessor : IImagePreprocessor
{
    private readonly ResampleFilter filter;

    private protected ResizeCropPreprocessor(int resizeTo, int cropTo, ResampleFilter filter, PixelNormalization normalization)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(resizeTo, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(cropTo, 1);
        ArgumentNullException.ThrowIfNull(normalization);
        ResizeTo = resizeTo;
        CropTo = cropTo;
        Normalization = normalization;
        this.filter = filter;
    }

    /// <summary>The length that the shorter side is resized to, in pixels.</summary>
    public int ResizeTo { get; }

    /// <summary>The side of the square that is cropped, in pixels.</summary>
    public int CropTo { get; }

    /// <summary>The normalisation constants.</summary>
    public PixelNormalization Normalization { get; }

    /// <inheritdoc/>
    public Tensor Preprocess(ImageBuffer image) => ImageTensors.FromImage(ResizeAndCrop(image), Normalization);

    /// <summary>Everything but the normalisation.</summary>
    /// <param name="image">Any size; grey and RGBA are brought to RGB as the reference does it.</param>
    /// <returns>
    /// RGB, <see cref="CropTo"/> x <see cref="CropTo"/>, the reference's very bytes. An image that is smaller than the crop gets a black border.
    /// </returns>
    /// <exception cref="InvalidOperationException">The image is so elongated that its longer side would pass 2^31 bytes when resized.</exception>
    public virtual ImageBuffer ResizeAndCrop(ImageBuffer image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return ResizeShorterSideAndCrop(image.ToRgb());
    }

    /// <summary>
    /// Shows all of an image that is not square: squeezed into a square (bicubic), framed with its own border pixels, then resized and cropped as any.
    /// </summary>
    /// <param name="rgb">RGB, not square.</param>
    /// <param name="frame">The frame's pixels on each side, at least 0.</param>
    /// <returns>RGB, <see cref="CropTo"/> x <see cref="CropTo"/>.</returns>
    /// <exception cref="InvalidOperationException">The image's longer side is beyond <see cref="FramedSquare.MaxSide"/>.</exception>
    internal ImageBuffer SqueezeAndCrop(ImageBuffer rgb, int frame) =>
        FramedSquare.ResizeAndCrop(rgb, frame, ResizeTo, CenterOffset(ResizeTo - CropTo), CropTo, filter);

    /// <summary>The offset of a centred crop; <paramref name="spare"/> = size - crop, negative if the image is smaller.</summary>
    private protected abstract int CenterOffset(int spare);

    /// <summary>Only what the crop keeps is computed.</summary>
    private protected ImageBuffer ResizeShorterSideAndCrop(ImageBuffer image)
    {
        int shorter = Math.Min(image.Width, image.Height);
        int longer = Math.Max(image.Width, image.Height);
        double exact = (double)((long)ResizeTo * longer) / shorter;
        if (exact * ResizeTo * image.Channels > Array.MaxLength)
            throw new InvalidOperationException($"An image of {image.Width} x {image.Height} is too elongated to resize its shorter side to {ResizeTo}; cut "
                + "out the part that matters.");
        int length = (int)exact;
        (int width, int height) = image.Width <= image.Height ? (ResizeTo, length) : (length, ResizeTo);
        return PillowResize.ResizeWindow(image, width, height, filter, CenterOffset(width - CropTo), CenterOffset(height - CropTo), CropTo, CropTo);
    }

    /// <summary>torchvision's rule: Python's round, half to even; padding of a smaller image is floored.</summary>
    private protected static int TorchvisionOffset(int spare) =>
        spare >= 0 ? (int)Math.Round(spare / 2.0, MidpointRounding.ToEven) : -(-spare / 2);
}
