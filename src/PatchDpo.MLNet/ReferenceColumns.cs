using Microsoft.ML;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Images;

namespace PatchDpo.MLNet;

/// <summary>The columns of references, and of what is known of each.</summary>
internal sealed class ReferenceColumns
{
    // The longest name of an object, in characters; the text encoder takes far fewer.
    private const int MaxNameLength = 1_000;

    private readonly ImageInput[] _images, _masks;
    private readonly TextInput[] _names;
    private readonly BoxInput[] _boxes;

    /// <summary>Names them.</summary>
    /// <param name="images">A column for each reference.</param>
    /// <param name="masks">A column with each reference's mask; null for none.</param>
    /// <param name="names">A column with each reference's name; null for none.</param>
    /// <param name="boxes">A column with each reference's box; null for none.</param>
    /// <exception cref="InvalidOperationException">There are not as many masks, names or boxes as references.</exception>
    public ReferenceColumns(
        IReadOnlyList<string> images, IReadOnlyList<string>? masks, IReadOnlyList<string>? names = null, IReadOnlyList<string>? boxes = null)
    {
        _images = images.Select(name => new ImageInput(name)).ToArray();
        _masks = Each(masks, "masks", name => new ImageInput(name));
        _names = Each(names, "names", name => new TextInput(name, MaxNameLength, allowEmpty: true));
        _boxes = Each(boxes, "boxes", name => new BoxInput(name));

        T[] Each<T>(IReadOnlyList<string>? columns, string what, Func<string, T> input) => columns is null || columns.Count == images.Count
            ? columns?.Select(input).ToArray() ?? []
            : throw new InvalidOperationException($"{columns.Count} columns of {what} are named for {images.Count} of references; name one for each.");
    }

    /// <summary>All columns.</summary>
    public IEnumerable<RowInput> Inputs => _images.Concat<RowInput>(_masks).Concat(_names).Concat(_boxes);

    /// <summary>Reads a row's references.</summary>
    /// <param name="row">The row.</param>
    public Func<ReferenceImage[]> Reader(DataViewRow row)
    {
        Func<ImageBuffer>[] images = _images.Select(i => i.Reader(row)).ToArray();
        Func<ImageBuffer?>[] masks = _masks.Select(i => i.OptionalReader(row)).ToArray();
        Func<string>[] names = _names.Select(i => i.Reader(row)).ToArray();
        Func<LayoutBox?>[] boxes = _boxes.Select(i => i.Reader(row)).ToArray();
        return () => images.Select((read, i) => new ReferenceImage(read())
        {
            Mask = masks.Length > 0 ? masks[i]() : null,
            Name = names.Length > 0 && names[i]() is { Length: > 0 } name ? name : null,
            Box = boxes.Length > 0 ? boxes[i]() : null,
        }).ToArray();
    }
}
