namespace PatchDpo.Torch.Images;

/// <summary>Counts what a TIFF's LZW strip unpacks to, without unpacking it.</summary>
internal static class TiffLzw
{
    private const int Clear = 256, End = 257, FirstFree = 258, FirstWidth = 9, LastWidth = 12;

    /// <summary>Whether the codes give at least <paramref name="bytes"/> bytes.</summary>
    public static bool Holds(ReadOnlySpan<byte> strip, long bytes)
    {
        // The length of each code's text; a single byte's is 1.
        Span<int> lengths = stackalloc int[1 << LastWidth];
        lengths[..Clear].Fill(1);
        int next = FirstFree, width = FirstWidth, previous = -1;
        for (long bit = 0, all = strip.Length * 8L; bytes > 0 && bit + width <= all;)
        {
            int code = 0;
            for (int i = 0; i < width; i++, bit++)
                code = (code << 1) | ((strip[(int)(bit >> 3)] >> (7 - (int)(bit & 7))) & 1);
            if (code == Clear)
            {
                (next, width, previous) = (FirstFree, FirstWidth, -1);
                continue;
            }

            // Known, or the one that is about to be: the last text and its first byte again.
            if (code == End || code > (previous < 0 ? Clear - 1 : next))
                return false;
            int length = code == next ? lengths[previous] + 1 : lengths[code];
            bytes -= length;
            if (previous >= 0 && next < lengths.Length)
                lengths[next++] = lengths[previous] + 1;
            previous = code;
            // TIFF widens one code early.
            if (next + 1 >= 1 << width && width < LastWidth)
                width++;
        }

        return bytes <= 0;
    }
}
