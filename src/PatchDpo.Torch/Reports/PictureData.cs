using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.Reports;

/// <summary>Pictures as they stand in the file.</summary>
internal static class PictureData
{
    // Sharp enough for a judgement of patches; about 45 kB for 512 x 512 pixels.
    private const int JpegQuality = 82;

    /// <summary>A picture as a data URI.</summary>
    public static Html Uri(ImageBuffer image) => Html.Raw($"data:image/jpeg;base64,{Convert.ToBase64String(SkiaImageCodec.EncodeJpeg(image, JpegQuality))}");
}
