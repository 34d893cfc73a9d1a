namespace PatchDpo.Torch.Images;

/// <summary>What a TIFF says of alpha.</summary>
internal enum TiffAlpha
{
    None,
    Straight,
    Premultiplied,
}
