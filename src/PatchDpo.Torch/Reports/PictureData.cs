using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.Reports;

/// <summary>Pictures as they stand in the file.</summary>
internal static class PictureData
{
    // Sharp enough for a judgement of patches; about 45 kB for 512 x 512 pixels.
    private const int JpegQuality = 82;

    /// <summary>An image whose longer side has so many pixels. A small one is enlarged by whole pixels, as far as they go, so that it is seen as it is.</summary>
    public static ImageBuffer Fit(ImageBuffer image, int side)
    {
        ImageBuffer rgb = image.ToRgb();
        int longer = Math.Max(rgb.Width, rgb.Height), factor = side / longer;
        if (factor > 1)
            rgb = PillowResize.Resize(rgb, rgb.Width * factor, rgb.Height * factor, ResampleFilter.Nearest);
        double scale = (double)side / Math.Max(rgb.Width, rgb.Height);
        (int width, int height) = (Math.Max(1, (int)Math.Round(rgb.Width * scale)), Math.Max(1, (int)Math.Round(rgb.Height * scale)));
        return (width, height) == (rgb.Width, rgb.Height) ? rgb : PillowResize.Resize(rgb, width, height, ResampleFilter.Bicubic);
    }

    /// <summary>A picture as a data URI.</summary>
    public static Html Uri(ImageBuffer image) => Html.Raw($"data:image/jpeg;base64,{Convert.ToBase64String(SkiaImageCodec.EncodeJpeg(image, JpegQuality))}");
}
