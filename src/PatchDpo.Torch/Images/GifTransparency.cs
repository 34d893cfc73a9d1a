namespace PatchDpo.Torch.Images;

/// <summary>Gives the transparent pixels of a GIF their palette's colour, which Pillow keeps and Skia makes black.</summary>
internal static class GifTransparency
{
    private const int HeaderLength = 13, DescriptorLength = 10;
    private const byte Extension = 0x21, GraphicControl = 0xF9, Descriptor = 0x2C, HasTable = 0x80;

    /// <summary>Colours the pixels whose alpha is 0.</summary>
    /// <param name="file">The GIF that was decoded.</param>
    /// <param name="rgba">Its first frame; changed in place.</param>
    public static void Restore(ReadOnlySpan<byte> file, Span<byte> rgba)
    {
        ReadOnlySpan<byte> colour = Colour(file);
        for (int i = 0; colour.Length > 0 && i < rgba.Length; i += 4)
            if (rgba[i + 3] == 0)
                colour.CopyTo(rgba[i..]);
    }

    /// <summary>The transparent entry of the first frame's palette; empty where there is none.</summary>
    private static ReadOnlySpan<byte> Colour(ReadOnlySpan<byte> file)
    {
        if (file.Length < HeaderLength)
            return [];
        ReadOnlySpan<byte> palette = Table(file, HeaderLength, file[10]);
        int position = HeaderLength + palette.Length, index = -1;
        while (position + DescriptorLength <= file.Length && file[position] == Extension)
        {
            // A block of four bytes: flags, delay, index.
            if (file[position + 1] == GraphicControl && file[position + 2] == 4)
                index = (file[position + 3] & 1) != 0 ? file[position + 6] : -1;
            for (position += 2; position < file.Length && file[position] != 0;)
                position += file[position] + 1;
            position++;
        }

        if (position + DescriptorLength > file.Length || file[position] != Descriptor)
            return [];
        ReadOnlySpan<byte> local = Table(file, position + DescriptorLength, file[position + DescriptorLength - 1]);
        ReadOnlySpan<byte> used = local.Length > 0 ? local : palette;
        return index >= 0 && (3 * index) + 3 <= used.Length ? used.Slice(3 * index, 3) : [];
    }

    private static ReadOnlySpan<byte> Table(ReadOnlySpan<byte> file, int position, byte flags)
    {
        int length = (flags & HasTable) != 0 ? 3 << ((flags & 7) + 1) : 0;
        return position + length <= file.Length ? file.Slice(position, length) : [];
    }
}
