using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>A picture divided into object and plain background.</summary>
/// <param name="Object"><c>[height, width]</c>: true where the object is.</param>
/// <param name="PlainBorder">Share of the border's pixels that are background.</param>
/// <param name="Foreground">Share of all pixels that are not.</param>
internal sealed record PlainBackground(bool[,] Object, double PlainBorder, double Foreground)
{
    /// <summary>Divides a picture as <see cref="ForegroundMask.FromPlainBackground"/> does.</summary>
    public static PlainBackground Of(ImageBuffer image, int tolerance)
    {
        bool[,] mask = ForegroundMask.FromPlainBackground(image, tolerance);
        int plain = 0, border = 0, foreground = 0;
        for (int y = 0; y < image.Height; y++)
            for (int x = 0; x < image.Width; x++)
            {
                foreground += mask[y, x] ? 1 : 0;
                if (x > 0 && y > 0 && x < image.Width - 1 && y < image.Height - 1)
                    continue;
                border++;
                plain += mask[y, x] ? 0 : 1;
            }
        return new PlainBackground(mask, plain / (double)border, foreground / (double)mask.Length);
    }
}
