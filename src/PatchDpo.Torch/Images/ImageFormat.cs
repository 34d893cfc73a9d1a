namespace PatchDpo.Torch.Images;

/// <summary>A format that images are written in; all of them keep every pixel as it is.</summary>
public enum ImageFormat
{
    /// <summary>PNG: grey, RGB, RGBA.</summary>
    Png,

    /// <summary>TIFF with Deflate: grey, RGB, RGBA.</summary>
    Tiff,

    /// <summary>Truevision TGA, uncompressed: grey, RGB, RGBA.</summary>
    Tga,

    /// <summary>Binary PGM (grey) or PPM (RGB): no transparency.</summary>
    Ppm,
}
