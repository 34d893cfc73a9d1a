using Microsoft.ML;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Images;

namespace PatchDpo.MLNet;

/// <summary>The columns of references, and of what is known of each.</summary>
internal sealed class ReferenceColumns
{
    private readonly ImageInput[] _images, _masks;

    /// <summary>Names them.</summary>
    /// <param name="images">A column for each reference.</param>
    /// <param name="masks">A column with each reference's mask; null for none.</param>
    /// <exception cref="InvalidOperationException">There are not as many masks as references.</exception>
    public ReferenceColumns(IReadOnlyList<string> images, IReadOnlyList<string>? masks)
    {
        if (masks is not null && masks.Count != images.Count)
            throw new InvalidOperationException($"{masks.Count} columns of masks are named for {images.Count} of references; name one for each.");
        _images = images.Select(name => new ImageInput(name)).ToArray();
        _masks = masks?.Select(name => new ImageInput(name)).ToArray() ?? [];
    }

    /// <summary>All columns.</summary>
    public IEnumerable<RowInput> Inputs => _images.Concat<RowInput>(_masks);

    /// <summary>Reads a row's references.</summary>
    /// <param name="row">The row.</param>
    /// <param name="share">Gives one object for pictures that are the same; null for what was read.</param>
    public Func<ReferenceImage[]> Reader(DataViewRow row, Func<ImageBuffer, ImageBuffer>? share = null)
    {
        Func<ImageBuffer>[] images = _images.Select(i => i.Reader(row)).ToArray();
        Func<ImageBuffer?>[] masks = _masks.Select(i => i.OptionalReader(row)).ToArray();
        return () => images.Select((read, i) => new ReferenceImage(share is null ? read() : share(read()))
        {
            Mask = masks.Length > 0 ? masks[i]() : null,
        }).ToArray();
    }
}
