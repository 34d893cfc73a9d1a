namespace PatchDpo.Torch.Images;

/// <summary>Row-wise copies between images.</summary>
internal static class PixelBlock
{
    /// <summary>
    /// Copies the part of <paramref name="image"/> that the window at (<paramref name="x"/>, <paramref name="y"/>) covers; the rest of
    /// <paramref name="output"/> keeps what it holds.
    /// </summary>
    public static void Copy(ImageBuffer image, int x, int y, Span<byte> output, int width, int height)
    {
        int left = Math.Max(0, x);
        int right = (int)Math.Min(image.Width, (long)x + width);
        int top = Math.Max(0, y);
        int bottom = (int)Math.Min(image.Height, (long)y + height);
        if (right <= left)
            return;
        int length = (right - left) * image.Channels;
        for (int row = top; row < bottom; row++)
        {
            int source = ((row * image.Width) + left) * image.Channels;
            int target = (((row - y) * width) + left - x) * image.Channels;
            image.Pixels.AsSpan(source, length).CopyTo(output[target..]);
        }
    }
}
