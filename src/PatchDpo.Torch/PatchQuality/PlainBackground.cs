using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.PatchQuality;

/// <summary>A picture divided into object and background: the one rule for what stands on a plain background.</summary>
/// <param name="Mask"><c>[height, width]</c>: true where the object is (<see cref="ForegroundMask.FromPlainBackground"/>).</param>
/// <param name="PlainBorder">Share of the border's pixels that are background.</param>
/// <param name="Foreground">Share of all pixels that are not.</param>
internal sealed record PlainBackground(bool[,] Mask, double PlainBorder, double Foreground)
{
    /// <summary>The least share of the border that is background where a background is plain: an object may touch the border, not leave through it.</summary>
    public const double DefaultMinPlainBorder = 0.9;

    /// <summary>Divides a picture.</summary>
    public static PlainBackground Of(ImageBuffer image, int tolerance = ForegroundMask.DefaultTolerance)
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

    /// <summary>The object's mask; null, and so the whole picture, where the background is not plain or there is nothing on it.</summary>
    public bool[,]? Object(double minPlainBorder = DefaultMinPlainBorder) => PlainBorder >= minPlainBorder && Foreground > 0 ? Mask : null;
}
