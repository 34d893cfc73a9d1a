using System.Diagnostics.CodeAnalysis;

namespace PatchDpo.Torch.Images;

/// <summary>References are equal where a family of adapters cannot tell them apart: same pictures, name, mask, box and scale.</summary>
internal sealed class ReferenceContentComparer : IEqualityComparer<ReferenceImage>
{
    /// <summary>The one there is.</summary>
    public static ReferenceContentComparer Instance { get; } = new();

    private ReferenceContentComparer()
    {
    }

    public bool Equals(ReferenceImage? x, ReferenceImage? y) => ReferenceEquals(x, y) || (x is not null && y is not null
        && x.Name == y.Name && x.Box == y.Box && Equals(x.Scale, y.Scale)
        && ImageContentComparer.Instance.Equals(x.Mask, y.Mask)
        && x.Photos.SequenceEqual(y.Photos, ImageContentComparer.Instance));

    public int GetHashCode([DisallowNull] ReferenceImage reference) => HashCode.Combine(reference.Image.Content, reference.Name, reference.Box);
}
