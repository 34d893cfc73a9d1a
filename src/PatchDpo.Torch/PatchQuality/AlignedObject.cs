using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.PatchQuality;

/// <summary>An image's object on white, as it is or brought to where its reference has it: its mask's centre and area are then the reference's.</summary>
/// <param name="Image">The object alone, RGB.</param>
/// <param name="Mask">Where it is there, <c>[height, width]</c>.</param>
/// <param name="Placing">From the original image's pixels to this one's.</param>
internal sealed record AlignedObject(ImageBuffer Image, bool[,] Mask, ObjectPlacing Placing)
{
    // Shrunk by more than that, pixels between samples would be lost.
    private const double LeastSampled = 0.5;

    /// <summary>The object in the place and size that it has.</summary>
    /// <param name="image">RGB.</param>
    /// <param name="mask">Where its object is, of the image's size.</param>
    public static AlignedObject Unmoved(ImageBuffer image, bool[,] mask)
        => Draw(image, mask, new ObjectPlacing(image.Width, false, 1, 0, 0), image.Width, image.Height);

    /// <summary>The object in its reference's place and size; null where nothing of it can be seen there.</summary>
    /// <param name="image">RGB.</param>
    /// <param name="mask">Where its object is, of the image's size.</param>
    /// <param name="reference">Where the reference's object is, of the reference's size, which the result has.</param>
    /// <param name="mirrored">Whether the image is mirrored first.</param>
    public static AlignedObject? Moved(ImageBuffer image, bool[,] mask, bool[,] reference, bool mirrored)
    {
        (double area, double x, double y) = Moments(mask);
        (double wantedArea, double wantedX, double wantedY) = Moments(reference);
        double scale = Math.Sqrt(wantedArea / area);
        ObjectPlacing placing = new(image.Width, mirrored, scale, wantedX - ((mirrored ? image.Width - x : x) * scale), wantedY - (y * scale));
        AlignedObject moved = Draw(image, mask, placing, reference.GetLength(1), reference.GetLength(0));
        return moved.Mask.Cast<bool>().Contains(true) ? moved : null;
    }

    private static AlignedObject Draw(ImageBuffer image, bool[,] mask, ObjectPlacing placing, int width, int height)
    {
        ImageBuffer source = Shrunk(image, placing.Scale / LeastSampled);
        byte[] pixels = new byte[width * height * 3];
        Array.Fill(pixels, byte.MaxValue);
        bool[,] drawn = new bool[height, width];
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
            {
                (double fromX, double fromY) = placing.SourceOf(x + 0.5, y + 0.5);
                (int column, int row) = ((int)Math.Floor(fromX), (int)Math.Floor(fromY));
                if (column < 0 || row < 0 || column >= image.Width || row >= image.Height || !mask[row, column])
                    continue;
                drawn[y, x] = true;
                for (int c = 0; c < 3; c++)
                    pixels[(((y * width) + x) * 3) + c] = Sample(
                        source, (fromX * source.Width / image.Width) - 0.5, (fromY * source.Height / image.Height) - 0.5, c);
            }
        return new AlignedObject(new ImageBuffer(width, height, 3, pixels), drawn, placing);
    }

    private static ImageBuffer Shrunk(ImageBuffer image, double share) => share >= 1 ? image : PillowResize.Resize(
        image, Math.Max(1, (int)Math.Round(image.Width * share)), Math.Max(1, (int)Math.Round(image.Height * share)), ResampleFilter.Box);

    /// <summary>A mask's area and centre, in its pixels.</summary>
    internal static (double Area, double X, double Y) Moments(bool[,] mask)
    {
        double area = 0, x = 0, y = 0;
        for (int row = 0; row < mask.GetLength(0); row++)
            for (int column = 0; column < mask.GetLength(1); column++)
                if (mask[row, column])
                    (area, x, y) = (area + 1, x + column + 0.5, y + row + 0.5);
        return (area, x / area, y / area);
    }

    // Bilinear; beyond the image its border goes on.
    private static byte Sample(ImageBuffer image, double x, double y, int channel)
    {
        (int left, int top) = ((int)Math.Floor(x), (int)Math.Floor(y));
        (double right, double below) = (x - left, y - top);
        double upper = At(left, top) + (right * (At(left + 1, top) - At(left, top)));
        double lower = At(left, top + 1) + (right * (At(left + 1, top + 1) - At(left, top + 1)));
        return (byte)Math.Round(upper + (below * (lower - upper)));

        double At(int column, int row)
            => image.Pixels[(((Math.Clamp(row, 0, image.Height - 1) * image.Width) + Math.Clamp(column, 0, image.Width - 1)) * 3) + channel];
    }
}
