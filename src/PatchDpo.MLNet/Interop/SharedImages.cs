using PatchDpo.Torch.Images;

namespace PatchDpo.MLNet.Interop;

/// <summary>Recognises an image that stands in many rows in a row, as the reference of several generations does.</summary>
internal static class SharedImages
{
    /// <summary>A reader that gives the same object again while the pixels stay the same, so that they are encoded once.</summary>
    public static Func<ImageBuffer> Reader(Func<ImageBuffer> read)
    {
        ImageBuffer? last = null;
        return () =>
        {
            ImageBuffer image = read();
            return last = last is not null && SamePixels(last, image) ? last : image;
        };
    }

    private static bool SamePixels(ImageBuffer a, ImageBuffer b)
        => a.Width == b.Width && a.Height == b.Height && a.Channels == b.Channels && a.Pixels.AsSpan().SequenceEqual(b.Pixels);
}
