namespace PatchDpo.Torch.Images;

/// <summary>The rows of a tall image's square: each is stretched to the square's width, all alike.</summary>
/// <remarks>
/// A band lies on its side, so that a column of it is contiguous: what stretches and shrinks a row is then done to many rows in one step.
/// </remarks>
/// <param name="rgb">The image.</param>
/// <param name="frame">The frame's pixels on each side.</param>
/// <param name="kernel">From the framed square's columns to those that are kept.</param>
/// <param name="count">How many are kept.</param>
internal sealed class TallBands(ImageBuffer rgb, int frame, ResampleKernel kernel, int count) : IFramedBands
{
    private const int Channels = FramedSquare.Channels;

    private readonly int _side = rgb.Height;
    private readonly ResampleKernel _stretch = ResampleKernel.Create(rgb.Width, rgb.Height, ResampleFilter.Bicubic);
    private readonly byte[] _source = new byte[rgb.Width * FramedSquare.BandRows * Channels];
    private readonly byte[] _wide = new byte[checked((rgb.Height + (2 * frame)) * FramedSquare.BandRows * Channels)];
    private readonly byte[] _kept = new byte[count * FramedSquare.BandRows * Channels];

    /// <inheritdoc/>
    public void Make(int start, int rows, Span<byte> narrow)
    {
        int column = rows * Channels;
        Turn(rgb.Pixels.AsSpan(start * rgb.Width * Channels), rgb.Width, rows, _source);
        Span<byte> wide = _wide.AsSpan(0, (_side + (2 * frame)) * column), inner = wide.Slice(frame * column, _side * column);
        ResamplePass.Vertical(_source.AsSpan(0, rgb.Width * column), 0, column, _stretch, _side, inner);
        ReadOnlySpan<byte> left = inner[..column], right = inner[^column..];
        for (int x = 0; x < frame; x++)
        {
            left.CopyTo(wide[(x * column)..]);
            right.CopyTo(wide[((frame + _side + x) * column)..]);
        }
        ResamplePass.Vertical(wide[(kernel.First * column)..], kernel.First, column, kernel, count, _kept);
        Turn(_kept, rows, count, narrow);
    }

    // Rows of RGB to columns.
    private static void Turn(ReadOnlySpan<byte> pixels, int width, int height, Span<byte> turned)
    {
        for (int y = 0, from = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++, from += Channels)
            {
                int to = ((x * height) + y) * Channels;
                (turned[to], turned[to + 1], turned[to + 2]) = (pixels[from], pixels[from + 1], pixels[from + 2]);
            }
        }
    }
}
