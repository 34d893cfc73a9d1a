using PatchDpo.Torch.Images;

namespace PatchDpo.MLNet;

/// <summary>Images that were decoded last, by their files: cursors over one view read the same files within a few rows of each other.</summary>
/// <remarks>A file that was changed since is read again; one behind a link, which does not show that, always is. Safe for several threads.</remarks>
internal sealed class DecodedFiles
{
    // 85 photos of 1024 x 1024: two columns of a batch of 16, and to spare. What is larger is decoded as often as it is asked for.
    private const long Capacity = 256L << 20;

    private readonly Dictionary<string, LinkedListNode<Entry>> _entries = new(StringComparer.Ordinal);
    private readonly LinkedList<Entry> _recent = new();
    private readonly Lock _lock = new();
    private long _bytes;
    private int _decoded;

    /// <summary>How many files were decoded so far.</summary>
    public int Decoded => _decoded;

    /// <summary>Reads an image file, or hands out what was read of it.</summary>
    /// <exception cref="IOException">As <see cref="ImageFile.Load"/>, whose other exceptions come through as well.</exception>
    public ImageBuffer Load(string path, ImageDecodeOptions options)
    {
        FileInfo file = new(path);
        if (!file.Exists || file.LinkTarget is not null)
            return Decode(path, options);
        (long, DateTime) stamp = (file.Length, file.LastWriteTimeUtc);
        lock (_lock)
        {
            if (_entries.TryGetValue(path, out LinkedListNode<Entry>? known) && known.Value.Stamp == stamp)
            {
                _recent.Remove(known);
                _recent.AddFirst(known);
                return known.Value.Image;
            }
        }
        ImageBuffer image = Decode(path, options);
        lock (_lock)
            Keep(new Entry(path, stamp, image));
        return image;
    }

    private ImageBuffer Decode(string path, ImageDecodeOptions options)
    {
        Interlocked.Increment(ref _decoded);
        return ImageFile.Load(path, options);
    }

    private void Keep(Entry entry)
    {
        if (_entries.TryGetValue(entry.Path, out LinkedListNode<Entry>? old))
            Drop(old);
        _entries[entry.Path] = _recent.AddFirst(entry);
        _bytes += entry.Image.Pixels.LongLength;
        while (_bytes > Capacity)
            Drop(_recent.Last!);
    }

    private void Drop(LinkedListNode<Entry> node)
    {
        _recent.Remove(node);
        _entries.Remove(node.Value.Path);
        _bytes -= node.Value.Image.Pixels.LongLength;
    }

    private sealed record Entry(string Path, (long Length, DateTime Written) Stamp, ImageBuffer Image);
}
