using PatchDpo.Torch.Images;

namespace PatchDpo.MLNet.Interop;

/// <summary>An image of a row, which may not be in memory: what is known by its key or content already need not be read.</summary>
/// <remarks>Used by one thread at a time.</remarks>
internal sealed class RowImage
{
    private readonly Action<UInt128>? _learnt;
    private Func<ImageBuffer> _load;
    private UInt128? _content;

    /// <summary>An image that can be loaded.</summary>
    /// <param name="column">The column that it stands in.</param>
    /// <param name="key">Images with equal keys are the same picture.</param>
    /// <param name="content">Its identity where that is known.</param>
    /// <param name="load">Reads it; throws what the row's reader is to be told.</param>
    /// <param name="learnt">Is told the identity when it was not known.</param>
    public RowImage(string column, UInt128 key, UInt128? content, Func<ImageBuffer> load, Action<UInt128>? learnt)
        => (Column, Key, _content, _load, _learnt) = (column, key, content, load, learnt);

    /// <summary>An image in memory.</summary>
    public RowImage(string column, ImageBuffer image) : this(column, image.Content, image.Content, () => image, null)
    {
    }

    /// <summary>The column that it stands in.</summary>
    public string Column { get; }

    /// <summary>Images with equal keys are the same picture; the same picture may have several keys.</summary>
    public UInt128 Key { get; }

    /// <summary>Its identity where that is known without reading it.</summary>
    public UInt128? KnownContent => _content;

    /// <summary>What was prepared of it.</summary>
    public PreparedImage? Prepared { get; set; }

    /// <summary>Its identity; reads it where that is not known.</summary>
    public UInt128 Content => _content ?? Identify(Load());

    /// <summary>Reads it.</summary>
    public ImageBuffer Load() => _load();

    /// <summary>Takes down the identity of what was read.</summary>
    public UInt128 Identify(ImageBuffer image)
    {
        if (_content is null)
            _learnt?.Invoke(image.Content);
        _content = image.Content;
        return image.Content;
    }

    /// <summary>Makes this the same object in memory as another image of the same key.</summary>
    public void Share(RowImage other) => (_load, _content) = (other._load, other._content);
}
