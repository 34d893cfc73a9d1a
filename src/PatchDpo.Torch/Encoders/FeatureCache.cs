using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Encoders;

/// <summary>Patch features of images, known by their content: each picture is encoded once, however many rows and files show it.</summary>
/// <remarks>
/// A cache belongs to one encoder, the first that uses it, whose weights must not change while it is in use. Features are kept as they are compared:
/// float32, each patch brought to length 1. Safe for several threads. Disposing writes what is not yet on the disk; a cache without a folder holds managed
/// memory alone, and need not be disposed.
/// </remarks>
public sealed class FeatureCache : IDisposable
{
    private readonly FeatureCacheOptions _options;
    private readonly RecentValues<UInt128, PatchMap> _maps;
    private readonly Lock _lock = new();
    private IVisionEncoder? _encoder;
    private FeatureFolder? _folder;
    private volatile bool _disposed;

    /// <summary>Creates an empty cache.</summary>
    /// <param name="options">How much is kept, and where; null: the defaults.</param>
    public FeatureCache(FeatureCacheOptions? options = null)
    {
        _options = options ?? new FeatureCacheOptions();
        _maps = new RecentValues<UInt128, PatchMap>(_options.MaxBytes, map => map.Bytes);
    }

    /// <summary>Bytes of features in memory.</summary>
    public long Bytes => _maps.Weight;

    /// <summary>Writes features that are not yet on the disk.</summary>
    /// <exception cref="IOException">They cannot be written.</exception>
    /// <exception cref="ObjectDisposedException">The cache was disposed.</exception>
    public void Flush()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        lock (_lock)
            _folder?.Flush();
    }

    /// <inheritdoc/>
    /// <exception cref="IOException">What is not yet on the disk cannot be written.</exception>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _maps.Clear();
        lock (_lock)
            _folder?.Dispose();
    }

    /// <summary>Gives the cache to an encoder, if no one has it.</summary>
    /// <exception cref="ArgumentException">Another encoder has it; or there is a folder, and the encoder is none of this library's.</exception>
    /// <exception cref="Weights.WeightsFormatException">A file in the folder is damaged.</exception>
    /// <exception cref="IOException">The folder cannot be read or made.</exception>
    internal void Bind(IVisionEncoder encoder)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        lock (_lock)
        {
            if (_encoder is not null && !ReferenceEquals(_encoder, encoder))
                throw new ArgumentException("A cache of features belongs to one encoder; this one is another's already.");
            if (_encoder is null && _options.Folder is string folder)
                _folder = FeatureFolder.Open(folder, EncoderFingerprint.Of(encoder));
            _encoder = encoder;
        }
    }

    /// <summary>Whether an image's features are there.</summary>
    internal bool Contains(UInt128 content)
    {
        if (_maps.Contains(content))
            return true;
        lock (_lock)
            return _folder?.Contains(content) ?? false;
    }

    /// <summary>An image's features.</summary>
    internal PatchMap? Find(UInt128 content)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_maps.TryGet(content, out PatchMap? known))
            return known;
        PatchMap? stored;
        lock (_lock)
            stored = _folder?.Find(content);
        if (stored is not null)
            _maps.Add(content, stored);
        return stored;
    }

    /// <summary>Keeps an image's features.</summary>
    internal void Add(UInt128 content, PatchMap map)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _maps.Add(content, map);
        lock (_lock)
            _folder?.Add(content, map);
    }
}
