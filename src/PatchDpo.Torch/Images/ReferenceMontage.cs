namespace PatchDpo.Torch.Images;

/// <summary>Puts the references of several objects into one image.</summary>
/// <remarks>
/// What a pair with several objects has for its reference half x_ref: PatchDPO trains on one reference image a pair, and does not say
/// what it is for several objects (not in the paper). Patch quality works on it unchanged: the best match of a patch may lie in any of the objects.
/// </remarks>
public static class ReferenceMontage
{
    /// <summary>Composes a white square with the references side by side, from left to right.</summary>
    /// <param name="references">R images of any sizes; brought to RGB first.</param>
    /// <param name="size">Side of the square in pixels, at least R.</param>
    /// <returns>
    /// <paramref name="size"/> x <paramref name="size"/>, RGB: each reference scaled (bicubic, as Pillow does) to fit its cell of <c>size/R x
    /// size</c>, and centred there. One reference fills the square as far as its shape allows.
    /// </returns>
    /// <exception cref="ArgumentException">There is no reference, or one of them is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="size"/> is less than R.</exception>
    /// <remarks>
    /// The shorter side is rounded, but at least 1; odd padding goes right and below; where R does not divide the size, cells differ by a pixel.
    /// </remarks>
    public static ImageBuffer Compose(IReadOnlyList<ImageBuffer> references, int size)
    {
        ArgumentNullException.ThrowIfNull(references);
        if (references.Count == 0 || references.Any(r => r is null))
            throw new ArgumentException("A montage needs at least one reference, and none of them null.", nameof(references));
        ArgumentOutOfRangeException.ThrowIfLessThan(size, references.Count);
        byte[] output = new byte[checked(size * size * 3)];
        output.AsSpan().Fill(255);
        for (int i = 0; i < references.Count; i++)
        {
            int left = Edge(i), cell = Edge(i + 1) - left;
            (int width, int height) = Fit(references[i], cell, size);
            ImageBuffer content = PillowResize.Resize(references[i].ToRgb(), width, height, ResampleFilter.Bicubic);
            PixelBlock.Copy(content, -(left + ((cell - width) / 2)), -((size - height) / 2), output, size, size);
        }
        return new ImageBuffer(size, size, 3, output);

        int Edge(int cell) => (int)((long)size * cell / references.Count);
    }

    private static (int Width, int Height) Fit(ImageBuffer image, int width, int height)
        => (long)image.Width * height > (long)image.Height * width
            ? (width, Scaled(image.Height, width, image.Width))
            : (Scaled(image.Width, height, image.Height), height);

    private static int Scaled(int length, int to, int from) => Math.Max(1, (int)Math.Round((double)length * to / from, MidpointRounding.AwayFromZero));
}
