namespace PatchDpo.Torch.Images;

/// <summary>An image squeezed into a square and framed with its own border pixels, of which only a small resized part is ever made.</summary>
/// <remarks>
/// The square's side is the image's longer one: whole, it would have 3 GB for an image of 1 x 32,767. So bands of its rows are made, resized to
/// the crop's columns, and forgotten. The bytes are those of <see cref="PillowResize"/> on the whole framed square.
/// </remarks>
internal static class FramedSquare
{
    /// <summary>The longest side that is squeezed: beyond it the work, which grows with the side's square, would take minutes.</summary>
    public const int MaxSide = 65_535;

    internal const int Channels = 3, BandRows = 32;

    /// <summary>Resizes the framed square and cuts the crop out of it.</summary>
    /// <param name="rgb">RGB, not square.</param>
    /// <param name="frame">The frame's pixels on each side, at least 0.</param>
    /// <param name="resizeTo">The side that the framed square is resized to.</param>
    /// <param name="offset">Where the crop begins in it, in both directions; negative for a crop that is larger.</param>
    /// <param name="cropTo">The crop's side.</param>
    /// <param name="filter">How the framed square is resized; it is squeezed bicubic.</param>
    /// <returns><paramref name="cropTo"/> x <paramref name="cropTo"/>, RGB; black outside the square.</returns>
    /// <exception cref="InvalidOperationException">The longer side is beyond <see cref="MaxSide"/>.</exception>
    public static ImageBuffer ResizeAndCrop(ImageBuffer rgb, int frame, int resizeTo, int offset, int cropTo, ResampleFilter filter)
    {
        int side = Math.Max(rgb.Width, rgb.Height), framed = side + (2 * frame);
        if (side > MaxSide)
            throw new InvalidOperationException($"An image of {rgb.Width} x {rgb.Height} is too long to be squeezed into a square; at most {MaxSide} pixels "
                + "are possible. Cut out the part that matters.");
        int first = Math.Max(0, offset), count = Math.Min(resizeTo, offset + cropTo) - first, stride = count * Channels;
        ResampleKernel kernel = ResampleKernel.Create(framed, resizeTo, filter, first, count);
        int top = kernel.First, rows = kernel.End - top;
        byte[] between = new byte[checked(rows * stride)];
        IFramedBands bands = rgb.Width < side ? new TallBands(rgb, frame, kernel, count) : new WideBands(rgb, frame, kernel, count);
        byte[] narrow = new byte[BandRows * stride];
        int last = RowInSquare(top + rows - 1);
        for (int start = RowInSquare(top); start <= last; start += BandRows)
        {
            int band = Math.Min(BandRows, last + 1 - start);
            bands.Make(start, band, narrow);
            // The frame above and below repeats the first and the last row.
            int from = start == 0 ? 0 : start + frame, to = start + band == side ? framed : start + band + frame;
            for (int y = Math.Max(top, from); y < Math.Min(top + rows, to); y++)
                narrow.AsSpan((RowInSquare(y) - start) * stride, stride).CopyTo(between.AsSpan((y - top) * stride));
        }

        byte[] kept = new byte[checked(count * stride)];
        ResamplePass.Vertical(between, top, stride, kernel, count, kept);
        var image = new ImageBuffer(count, count, Channels, kept);
        return count == cropTo ? image : image.Crop(offset - first, offset - first, cropTo, cropTo);

        int RowInSquare(int row) => Math.Clamp(row - frame, 0, side - 1);
    }
}
