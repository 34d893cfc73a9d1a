using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.PatchQuality;

/// <summary>Masks of objects on plain backgrounds, each picture looked at once as long as its mask is kept. Safe for several threads.</summary>
internal sealed class ObjectMasks
{
    // 64 masks of photos of 1024 x 1024; of a picture without a plain background nothing is kept but that.
    private const long Capacity = 64L << 20, EntryBytes = 64;

    private readonly RecentValues<UInt128, Known> _known = new(Capacity, known => EntryBytes + (known.Mask?.LongLength ?? 0));

    /// <summary>The object's mask (<see cref="PlainBackground.Object"/>).</summary>
    public bool[,]? Of(ImageBuffer image) => Of(image.Content, () => image);

    /// <summary>The same of an image that may not be in memory.</summary>
    public bool[,]? Of(UInt128 content, Func<ImageBuffer> load)
    {
        if (_known.TryGet(content, out Known? known))
            return known.Mask;
        bool[,]? mask = PlainBackground.Of(load()).Object();
        _known.Add(content, new Known(mask));
        return mask;
    }

    private sealed record Known(bool[,]? Mask);
}
