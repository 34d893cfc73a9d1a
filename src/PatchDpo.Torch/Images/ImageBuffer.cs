using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace PatchDpo.Torch.Images;

/// <summary>
/// An 8-bit image in memory: <c>Height x Width x Channels</c>, rows from the top, channels interleaved (grey; RGB; RGBA, alpha not premultiplied).
/// </summary>
/// <remarks>The pixels are not to be changed once an image is in use: images are told apart by their content, which is looked at once.</remarks>
public sealed class ImageBuffer
{
    private readonly Lazy<UInt128> _content;

    /// <summary>Wraps pixels; the array is not copied.</summary>
    /// <param name="width">Width in pixels, at least 1.</param>
    /// <param name="height">Height in pixels, at least 1.</param>
    /// <param name="channels">1 (grey), 3 (RGB) or 4 (RGBA).</param>
    /// <param name="pixels">Exactly <c>height * width * channels</c> bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size or the channel count is not allowed.</exception>
    /// <exception cref="ArgumentException"><paramref name="pixels"/> has another length.</exception>
    public ImageBuffer(int width, int height, int channels, byte[] pixels)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        if (channels is not (1 or 3 or 4))
            throw new ArgumentOutOfRangeException(nameof(channels), channels, "An image has 1, 3 or 4 channels.");
        ArgumentNullException.ThrowIfNull(pixels);
        if (pixels.LongLength != (long)width * height * channels)
            throw new ArgumentException($"{width} x {height} x {channels} needs {(long)width * height * channels} bytes, not {pixels.LongLength}.",
                nameof(pixels));
        Width = width;
        Height = height;
        Channels = channels;
        Pixels = pixels;
        _content = new Lazy<UInt128>(HashContent);
    }

    /// <summary>Width in pixels.</summary>
    public int Width { get; }

    /// <summary>Height in pixels.</summary>
    public int Height { get; }

    /// <summary>1 (grey), 3 (RGB) or 4 (RGBA).</summary>
    public int Channels { get; }

    /// <summary>The samples, 0..255: <c>Pixels[(y * Width + x) * Channels + c]</c>.</summary>
    public byte[] Pixels { get; }

    /// <summary>The image's content identity: half of the SHA-256 of size and pixels. Equal where two images are the same picture.</summary>
    internal UInt128 Content => _content.Value;

    private UInt128 HashContent()
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(MemoryMarshal.AsBytes<int>([Width, Height, Channels]));
        hash.AppendData(Pixels);
        return MemoryMarshal.Read<UInt128>(hash.GetHashAndReset());
    }
}
