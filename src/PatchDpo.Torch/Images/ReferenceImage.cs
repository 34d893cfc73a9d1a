using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Images;

/// <summary>An object's reference image, with what families of adapters need to know of it; an image alone is one too.</summary>
/// <remarks>A family reads what it needs and leaves the rest unread; where it lacks something, it says so.</remarks>
public sealed record ReferenceImage
{
    /// <summary>Wraps an image.</summary>
    /// <param name="image">A picture of the object.</param>
    public ReferenceImage(ImageBuffer image)
    {
        ArgumentNullException.ThrowIfNull(image);
        Image = image;
    }

    /// <summary>A picture of the object.</summary>
    public ImageBuffer Image { get; }

    /// <summary>Further pictures of the same object; they and <see cref="Image"/> are averaged after the adapter's projection. Default: none.</summary>
    public IReadOnlyList<ImageBuffer> OtherPhotos { get; init => field = value ?? throw new ArgumentNullException(nameof(OtherPhotos)); } = [];

    /// <summary>The object's name as the prompt has it ("cat"), which MIP-Adapter and MS-Diffusion need. Default: null.</summary>
    public string? Name { get; init; }

    /// <summary>Where the object is in <see cref="Image"/>: an image of its size, not 0 on the object (ELITE). Default: null.</summary>
    public ImageBuffer? Mask { get; init; }

    /// <summary>Where the object is to be in the generated picture (MS-Diffusion). Default: null.</summary>
    public LayoutBox? Box { get; init; }

    /// <summary>
    /// Weight of this object beside the text, 0 to 65,504, in place of the adapter's scale (MS-Diffusion). Default: null, the adapter's.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside [0, 65504].</exception>
    public double? Scale { get; init => field = value is double v ? ArgumentRange.NotNegative(v, ArgumentRange.LargestScale) : null; }

    /// <summary>All pictures of the object, <see cref="Image"/> first.</summary>
    internal IEnumerable<ImageBuffer> Photos => OtherPhotos.Prepend(Image);

    /// <summary>Reads a picture, and its mask where one lies beside it.</summary>
    /// <param name="path">The picture's file.</param>
    /// <param name="options">Limits on both images; null for the defaults.</param>
    /// <exception cref="InvalidImageException">A file is not an image, or is damaged or too large.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static ReferenceImage FromFile(string path, ImageDecodeOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string mask = MaskFileOf(path);
        return new ReferenceImage(ImageFile.Load(path, options)) { Mask = File.Exists(mask) ? ImageFile.Load(mask, options) : null };
    }

    /// <summary>Where a picture's mask is looked for: <c>cat_bg.png</c> beside <c>cat.jpg</c>, as ELITE's test images have it.</summary>
    /// <param name="path">The picture's file.</param>
    public static string MaskFileOf(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Path.Combine(Path.GetDirectoryName(path) ?? "", Path.GetFileNameWithoutExtension(path) + "_bg.png");
    }

    /// <summary>An image without more.</summary>
    [return: NotNullIfNotNull(nameof(image))]
    public static implicit operator ReferenceImage?(ImageBuffer? image) => image is null ? null : new ReferenceImage(image);

    /// <summary>Images without more.</summary>
    /// <param name="images">The images.</param>
    /// <param name="parameter">What the caller's caller knows them by.</param>
    internal static IReadOnlyList<ReferenceImage> Of(IReadOnlyList<ImageBuffer> images, [CallerArgumentExpression(nameof(images))] string parameter = "")
    {
        ArgumentNullException.ThrowIfNull(images, parameter);
        return [.. images];
    }
}
