using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Images;

/// <summary>Limits and choices of <see cref="ImageFile"/> when it decodes.</summary>
public sealed class ImageDecodeOptions
{
    /// <summary>The most pixels that can be asked for: four bytes each must fit one array.</summary>
    internal const int LargestMaxPixels = 0x7FFFFFC7 / 4;

    /// <summary>
    /// Width times height, at most; checked in the header before pixels are decoded. Default 89,478,485, where Pillow begins to warn of a
    /// decompression bomb.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1 or above 536,870,897.</exception>
    public int MaxPixels
    {
        get;
        init => field = value is >= 1 and <= LargestMaxPixels ? value
            : throw new ArgumentOutOfRangeException(nameof(MaxPixels), value, $"Must be 1 to {LargestMaxPixels}.");
    } = 89_478_485;

    /// <summary>Width and height, each at most; checked in the header. Default 32,767 (not in the paper).</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
    public int MaxSide
    {
        get;
        init => field = ArgumentRange.Within(value, 1);
    } = 32_767;

    /// <summary>Bytes of a file, at most; checked before it is read. Default 256 MiB (not in the paper).</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1 or above 2,147,483,591.</exception>
    public long MaxFileBytes
    {
        get;
        init => field = ArgumentRange.Within(value, 1, Array.MaxLength);
    } = 256L << 20;

    /// <summary>
    /// Whether the EXIF orientation is applied, so that the image stands upright. Default true; plain <c>Image.open</c> in Pillow leaves it,
    /// <c>ImageOps.exif_transpose</c> applies it.
    /// </summary>
    public bool ApplyOrientation { get; init; } = true;
}
