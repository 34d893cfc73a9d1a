namespace PatchDpo.Torch.Images;

/// <summary>The rows of a wide image's square: each has weights of its own over the image's rows.</summary>
/// <param name="rgb">The image.</param>
/// <param name="frame">The frame's pixels on each side.</param>
/// <param name="kernel">From the framed square's columns to those that are kept.</param>
/// <param name="count">How many are kept.</param>
internal sealed class WideBands(ImageBuffer rgb, int frame, ResampleKernel kernel, int count) : IFramedBands
{
    private const int Channels = FramedSquare.Channels;

    private readonly int _side = rgb.Width;
    private readonly byte[] _square = new byte[rgb.Width * FramedSquare.BandRows * Channels];
    private readonly byte[] _wide = new byte[checked((rgb.Width + (2 * frame)) * FramedSquare.BandRows * Channels)];

    /// <inheritdoc/>
    public void Make(int start, int rows, Span<byte> narrow)
    {
        int length = _side * Channels, framed = _side + (2 * frame), stride = count * Channels;
        ResamplePass.Vertical(rgb.Pixels, 0, length, ResampleKernel.Create(rgb.Height, _side, ResampleFilter.Bicubic, start, rows), rows, _square);
        // Of a few rows stretched to thousands many come out the same, and are resized once.
        Span<int> made = stackalloc int[FramedSquare.BandRows];
        int different = 0;
        for (int y = 0; y < rows; y++)
        {
            ReadOnlySpan<byte> row = Row(y);
            if (y == 0 || !row.SequenceEqual(Row(y - 1)))
                FrameRow(row, _wide.AsSpan(different++ * framed * Channels, framed * Channels));
            made[y] = different - 1;
        }
        ResamplePass.Horizontal(_wide, framed, different, Channels, kernel, count, narrow);
        // From the last on, so that none is overwritten before it is copied.
        for (int y = rows - 1; y >= 0; y--)
            narrow.Slice(made[y] * stride, stride).CopyTo(narrow[(y * stride)..]);

        ReadOnlySpan<byte> Row(int y) => _square.AsSpan(y * length, length);
    }

    private void FrameRow(ReadOnlySpan<byte> row, Span<byte> framed)
    {
        row.CopyTo(framed[(frame * Channels)..]);
        ReadOnlySpan<byte> left = row[..Channels], right = row[^Channels..];
        for (int x = 0; x < frame; x++)
        {
            left.CopyTo(framed[(x * Channels)..]);
            right.CopyTo(framed[(framed.Length - ((x + 1) * Channels))..]);
        }
    }
}
