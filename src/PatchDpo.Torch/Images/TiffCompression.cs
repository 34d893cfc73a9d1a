namespace PatchDpo.Torch.Images;

/// <summary>The ways of compressing a TIFF's pixels that are read.</summary>
internal enum TiffCompression
{
    None = 1,
    Lzw = 5,
    Deflate = 8,
    PackBits = 32773,
}
