using System.Security.Cryptography;
using System.Runtime.InteropServices;
using System.Text;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;

namespace PatchDpo.MLNet;

/// <summary>Images that were decoded last, by their files: cursors over one view read the same files within a few rows of each other.</summary>
/// <remarks>
/// A file that was changed since is read again; one behind a link, which does not show that, always is. Of files whose pixels had to go, the content's
/// identity stays, so that whoever knows the content need not read them again. Safe for several threads.
/// </remarks>
internal sealed class DecodedFiles
{
    // 85 photos of 1024 x 1024: two columns of a batch of 16, and to spare. What is larger is decoded as often as it is asked for.
    private const long Capacity = 256L << 20;

    // A few megabytes.
    private const long Identities = 1 << 15;

    private readonly RecentValues<string, Entry> _images = new(Capacity, entry => entry.Image.Pixels.LongLength);
    private readonly RecentValues<string, Identity> _identities = new(Identities, _ => 1);
    private int _decoded;
    private long _unstamped;

    /// <summary>How many files were decoded so far.</summary>
    public int Decoded => _decoded;

    /// <summary>Reads an image file, or hands out what was read of it: RGB, or RGBA where a pixel is not opaque.</summary>
    /// <exception cref="IOException">As <see cref="ImageFile.Load"/>, whose other exceptions come through as well.</exception>
    public ImageBuffer Load(string path, ImageDecodeOptions options)
    {
        if (StampOf(path) is not Stamp stamp)
            return Decode(path, options);
        if (_images.TryGet(path, out Entry? known) && known.Stamp == stamp)
            return known.Image;
        ImageBuffer image = Decode(path, options);
        _images.Add(path, new Entry(stamp, image));
        return image;
    }

    /// <summary>An image that is read when it is needed.</summary>
    /// <param name="column">The column that it stands in.</param>
    /// <param name="path">The file.</param>
    /// <param name="load">Loads it, with the exceptions that the column's reader is to be told.</param>
    public RowImage Find(string column, string path, Func<ImageBuffer> load)
    {
        if (StampOf(path) is not Stamp stamp)
            return new RowImage(column, KeyOf(path, new Stamp(-1, Interlocked.Increment(ref _unstamped))), null, load, null);
        UInt128? content = _identities.TryGet(path, out Identity? known) && known.Stamp == stamp ? known.Content : null;
        return new RowImage(column, KeyOf(path, stamp), content, load, learnt => _identities.Add(path, new Identity(stamp, learnt)));
    }

    private static Stamp? StampOf(string path)
    {
        FileInfo file = new(path);
        return file.Exists && file.LinkTarget is null ? new Stamp(file.Length, file.LastWriteTimeUtc.Ticks) : null;
    }

    private static UInt128 KeyOf(string path, Stamp stamp)
        => MemoryMarshal.Read<UInt128>(SHA256.HashData(Encoding.UTF8.GetBytes($"{stamp.Length} {stamp.Written} {path}")));

    private ImageBuffer Decode(string path, ImageDecodeOptions options)
    {
        Interlocked.Increment(ref _decoded);
        return MLImages.AsRead(ImageFile.Load(path, options));
    }

    private sealed record Stamp(long Length, long Written);

    private sealed record Entry(Stamp Stamp, ImageBuffer Image);

    private sealed record Identity(Stamp Stamp, UInt128 Content);
}
