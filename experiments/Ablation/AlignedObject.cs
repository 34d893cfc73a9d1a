using PatchDpo.Torch.Images;

namespace Ablation;

/// <summary>An image's object on white, as it is or brought to where its reference has it: its mask's centre and area are then the reference's.</summary>
/// <param name="Image">The object alone.</param>
/// <param name="Mask">Where it is there, <c>[height, width]</c>.</param>
/// <param name="Mirrored">Whether the image was mirrored first.</param>
/// <param name="Scale">By how much the object was enlarged.</param>
/// <param name="X">Added to a scaled horizontal place.</param>
/// <param name="Y">Added to a scaled vertical one.</param>
internal sealed record AlignedObject(ImageBuffer Image, bool[,] Mask, bool Mirrored, double Scale, double X, double Y)
{
    /// <summary>Aligns an object.</summary>
    /// <param name="image">RGB.</param>
    /// <param name="mask">Where its object is; outlines, which masks of drawn parts leave out, are a pixel wide and taken with it.</param>
    /// <param name="reference">Where the reference's object is, in an image of the same size.</param>
    /// <param name="mirrored">Whether the image is mirrored first.</param>
    public static AlignedObject Of(ImageBuffer image, bool[,] mask, bool[,] reference, bool mirrored)
    {
        bool[,] source = WithOutline(mask);
        (double area, double x, double y) = Moments(source);
        (double wantedArea, double wantedX, double wantedY) = Moments(reference);
        double scale = Math.Sqrt(wantedArea / area);
        return Draw(image, source, mirrored, scale, wantedX - ((mirrored ? image.Width - x : x) * scale), wantedY - (y * scale));
    }

    /// <summary>The object on white, in the place and size that it has.</summary>
    public static AlignedObject Unmoved(ImageBuffer image, bool[,] mask) => Draw(image, WithOutline(mask), mirrored: false, scale: 1, left: 0, top: 0);

    /// <summary>Where a pixel of the original image is now, as a share of the image's sides.</summary>
    public (double X, double Y) PlaceOf(int x, int y)
    {
        double from = Mirrored ? Image.Width - x - 0.5 : x + 0.5;
        return (((from * Scale) + X) / Image.Width, (((y + 0.5) * Scale) + Y) / Image.Height);
    }

    private static AlignedObject Draw(ImageBuffer image, bool[,] source, bool mirrored, double scale, double left, double top)
    {
        (int width, int height) = (image.Width, image.Height);
        byte[] pixels = new byte[width * height * 3];
        Array.Fill(pixels, byte.MaxValue);
        bool[,] aligned = new bool[height, width];
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                double fromX = (x + 0.5 - left) / scale, fromY = (y + 0.5 - top) / scale;
                fromX = mirrored ? width - fromX : fromX;
                (int column, int row) = ((int)Math.Floor(fromX), (int)Math.Floor(fromY));
                if (column < 0 || row < 0 || column >= width || row >= height || !source[row, column])
                    continue;
                aligned[y, x] = true;
                for (int c = 0; c < 3; c++)
                    pixels[(((y * width) + x) * 3) + c] = Sample(image, fromX - 0.5, fromY - 0.5, c);
            }
        }

        return new AlignedObject(new ImageBuffer(width, height, 3, pixels), aligned, mirrored, scale, left, top);
    }

    private static bool[,] WithOutline(bool[,] mask)
    {
        (int height, int width) = (mask.GetLength(0), mask.GetLength(1));
        bool[,] wider = new bool[height, width];
        for (int i = 0; i < height * width; i++)
        {
            (int y, int x) = (i / width, i % width);
            for (int row = Math.Max(0, y - 1); row <= Math.Min(height - 1, y + 1); row++)
            {
                for (int column = Math.Max(0, x - 1); column <= Math.Min(width - 1, x + 1); column++)
                    wider[y, x] |= mask[row, column];
            }
        }

        return wider;
    }

    private static (double Area, double X, double Y) Moments(bool[,] mask)
    {
        double area = 0, x = 0, y = 0;
        for (int i = 0; i < mask.Length; i++)
        {
            (int row, int column) = (i / mask.GetLength(1), i % mask.GetLength(1));
            if (!mask[row, column])
                continue;
            area++;
            x += column + 0.5;
            y += row + 0.5;
        }

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
