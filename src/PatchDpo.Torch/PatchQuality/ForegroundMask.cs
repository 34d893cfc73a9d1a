using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.PatchQuality;

/// <summary>Finds the object of a reference image that stands on a plain background, reads masks, and brings them to the patch grid.</summary>
/// <remarks>Ours: a reference made for PatchDPO shows its object on a clean background, whose patches say nothing about the object.</remarks>
public static class ForegroundMask
{
    internal const int DefaultTolerance = 24;

    /// <summary>The foreground of an image on a plain background.</summary>
    /// <param name="image">Grey, RGB or RGBA. Pixels whose alpha is below 128 are background.</param>
    /// <param name="tolerance">
    /// How far a pixel may be from the background's colour in any channel, 0..255. The default, 24, takes JPEG noise and faint shadows as background.
    /// </param>
    /// <returns><c>[height, width]</c>, true where the object is. All false where the whole image is plain.</returns>
    /// <remarks>
    /// The background's colour is the median of each channel along the image's border. Background is what can be reached
    /// from the border over pixels of that colour (4-neighbours), so that a white spot inside an object stays foreground.
    /// </remarks>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="tolerance"/> is outside 0..255.</exception>
    public static bool[,] FromPlainBackground(ImageBuffer image, int tolerance = DefaultTolerance)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentOutOfRangeException.ThrowIfNegative(tolerance);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tolerance, 255);
        int width = image.Width, height = image.Height, channels = image.Channels;
        byte[] pixels = image.Pixels;
        List<int> border = Border(width, height);
        byte[]? background = BorderColor(image);

        bool IsBackground(int pixel)
        {
            if (IsTransparent(image, pixel))
                return true;
            for (int c = 0; c < background?.Length; c++)
                if (Math.Abs(pixels[(pixel * channels) + c] - background[c]) > tolerance)
                    return false;
            return background is not null;
        }

        bool[] reached = new bool[width * height];
        Stack<int> open = new();
        void Visit(int pixel)
        {
            if (reached[pixel] || !IsBackground(pixel))
                return;
            reached[pixel] = true;
            open.Push(pixel);
        }
        border.ForEach(Visit);
        while (open.TryPop(out int pixel))
        {
            int x = pixel % width;
            if (x > 0)
                Visit(pixel - 1);
            if (x < width - 1)
                Visit(pixel + 1);
            if (pixel >= width)
                Visit(pixel - width);
            if (pixel < reached.Length - width)
                Visit(pixel + width);
        }

        bool[,] mask = new bool[height, width];
        for (int i = 0; i < reached.Length; i++)
            mask[i / width, i % width] = !reached[i];
        return mask;
    }

    /// <summary>The foreground that a picture of a mask shows, as segmenters write it: light on dark.</summary>
    /// <param name="mask">Grey, RGB or RGBA, of any size.</param>
    /// <returns>
    /// <c>[height, width]</c>, true where the mean of the pixel's colours is at least 128; transparent pixels (alpha below 128) are background.
    /// </returns>
    public static bool[,] FromImage(ImageBuffer mask)
    {
        ArgumentNullException.ThrowIfNull(mask);
        int colours = Math.Min(mask.Channels, 3);
        bool[,] foreground = new bool[mask.Height, mask.Width];
        for (int i = 0; i < mask.Width * mask.Height; i++)
        {
            ReadOnlySpan<byte> pixel = mask.Pixels.AsSpan(i * mask.Channels, mask.Channels);
            int sum = 0;
            foreach (byte value in pixel[..colours])
                sum += value;
            foreground[i / mask.Width, i % mask.Width] = sum >= 128 * colours && (mask.Channels < 4 || pixel[3] >= 128);
        }
        return foreground;
    }

    /// <summary>Reduces a mask of pixels to a grid of patches that covers the same image.</summary>
    /// <param name="mask"><c>[height, width]</c> of the image, any size.</param>
    /// <param name="rows">Rows of patches, at least 1.</param>
    /// <param name="columns">Patches in a row, at least 1.</param>
    /// <returns>
    /// <c>[rows, columns]</c>: true where at least half of the patch is foreground; where no patch is, those that hold the most foreground; all false
    /// for an empty mask.
    /// </returns>
    /// <exception cref="ArgumentException">The mask holds no pixel.</exception>
    public static bool[,] ToPatchGrid(bool[,] mask, int rows, int columns) => ToPatchGrid(mask, rows, columns, ReferenceView.Itself);

    /// <summary>The same of the patches of a view of the image.</summary>
    internal static bool[,] ToPatchGrid(bool[,] mask, int rows, int columns, ReferenceView view)
    {
        ArgumentNullException.ThrowIfNull(mask);
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        int height = mask.GetLength(0), width = mask.GetLength(1);
        if (height == 0 || width == 0)
            throw new ArgumentException("The mask holds no pixel.", nameof(mask));

        double[,] coverage = new double[rows, columns];
        double most = 0;
        for (int row = 0; row < rows; row++)
            for (int column = 0; column < columns; column++)
            {
                (int top, int bottom) = Pixels(row, rows, height, view.Height);
                (int left, int right) = Pixels(view.Mirrored ? columns - 1 - column : column, columns, width, view.Width);
                int set = 0;
                for (int y = Math.Max(0, top); y < Math.Min(height, bottom); y++)
                    for (int x = Math.Max(0, left); x < Math.Min(width, right); x++)
                        set += mask[y, x] ? 1 : 0;
                coverage[row, column] = set / (double)((bottom - top) * (right - left));
                most = Math.Max(most, coverage[row, column]);
            }

        double needed = Math.Min(most, 0.5);
        bool[,] grid = new bool[rows, columns];
        for (int row = 0; row < rows; row++)
            for (int column = 0; column < columns; column++)
                grid[row, column] = most > 0 && coverage[row, column] >= needed;
        return grid;
    }

    /// <summary>A mask on another grid over the same image, by the nearest pixel; itself where it has that size.</summary>
    internal static bool[,] Resized(bool[,] mask, int height, int width)
    {
        (int rows, int columns) = (mask.GetLength(0), mask.GetLength(1));
        if ((rows, columns) == (height, width))
            return mask;
        bool[,] resized = new bool[height, width];
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                resized[y, x] = mask[(int)((y + 0.5) * rows / height), (int)((x + 0.5) * columns / width)];
        return resized;
    }

    /// <summary>A mask and all that is within some pixels of it, across and diagonally.</summary>
    internal static bool[,] Grown(bool[,] mask, int margin)
    {
        if (margin == 0)
            return mask;
        (int height, int width) = (mask.GetLength(0), mask.GetLength(1));
        bool[,] along = new bool[height, width], grown = new bool[height, width];
        // The square around a pixel is the row around it, and the column around each pixel of that.
        for (int y = 0; y < height; y++)
            GrowLine(width, margin, x => mask[y, x], x => along[y, x] = true);
        for (int x = 0; x < width; x++)
            GrowLine(height, margin, y => along[y, x], y => grown[y, x] = true);
        return grown;
    }

    /// <summary>Sets the pixels of a line that have one of the mask's within the margin.</summary>
    private static void GrowLine(int length, int margin, Func<int, bool> isMask, Action<int> set)
    {
        long last = long.MinValue / 2, next = long.MaxValue / 2;
        for (int i = 0; i < length; i++)
        {
            last = isMask(i) ? i : last;
            if (i - last <= margin)
                set(i);
        }
        for (int i = length - 1; i >= 0; i--)
        {
            next = isMask(i) ? i : next;
            if (next - i <= margin)
                set(i);
        }
    }

    /// <summary>The background's colour, the median of each channel along the border; null where the whole border is transparent.</summary>
    internal static byte[]? BorderColor(ImageBuffer image)
    {
        int[] opaque = [.. Border(image.Width, image.Height).Where(p => !IsTransparent(image, p))];
        return opaque.Length == 0 ? null : [.. Enumerable.Range(0, Math.Min(image.Channels, 3)).Select(Median)];

        byte Median(int channel) => opaque.Select(p => image.Pixels[(p * image.Channels) + channel]).Order().ElementAt(opaque.Length / 2);
    }

    private static bool IsTransparent(ImageBuffer image, int pixel) => image.Channels == 4 && image.Pixels[(pixel * 4) + 3] < 128;

    // A patch that cuts through pixels takes all that it touches, so that no patch is empty; beyond the image there is none.
    private static (int First, int End) Pixels(int patch, int patches, int pixels, double scale)
    {
        double before = pixels * (1 - scale) / 2;
        return ((int)Math.Floor(((patch * pixels / (double)patches) - before) / scale),
            (int)Math.Ceiling((((patch + 1) * pixels / (double)patches) - before) / scale));
    }

    private static List<int> Border(int width, int height)
    {
        List<int> border = [];
        for (int x = 0; x < width; x++)
        {
            border.Add(x);
            border.Add(((height - 1) * width) + x);
        }
        for (int y = 0; y < height; y++)
        {
            border.Add(y * width);
            border.Add((y * width) + width - 1);
        }
        return border;
    }
}
