using System.Diagnostics.CodeAnalysis;

namespace PatchDpo.Torch.Images;

/// <summary>Images are equal where their size and pixels are: for whoever keeps something for each image.</summary>
internal sealed class ImageContentComparer : IEqualityComparer<ImageBuffer>
{
    /// <summary>The one there is.</summary>
    public static ImageContentComparer Instance { get; } = new();

    private ImageContentComparer()
    {
    }

    public bool Equals(ImageBuffer? x, ImageBuffer? y) => ReferenceEquals(x, y) || (x is not null && y is not null && x.Content == y.Content);

    public int GetHashCode([DisallowNull] ImageBuffer image) => image.Content.GetHashCode();
}
