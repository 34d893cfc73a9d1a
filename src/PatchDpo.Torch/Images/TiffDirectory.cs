using System.Buffers.Binary;

namespace PatchDpo.Torch.Images;

/// <summary>The entries of a TIFF file's first directory; values are read when they are asked for, and only whole numbers.</summary>
internal sealed class TiffDirectory
{
    private const int EntryLength = 12;
    private readonly ReadOnlyMemory<byte> _file;
    private readonly string _source;
    private readonly Dictionary<ushort, (TiffType Type, uint Count, long Offset)> _entries = [];

    /// <summary>Reads the directory.</summary>
    /// <exception cref="InvalidImageException">It does not lie in the file.</exception>
    public TiffDirectory(ReadOnlyMemory<byte> file, string source)
    {
        (_file, _source) = (file, source);
        TiffHeader.TryRead(file.Span, out bool bigEndian, out uint directory);
        IsBigEndian = bigEndian;
        int count = UInt16(directory);
        for (long position = directory + 2L; count > 0; count--, position += EntryLength)
        {
            var type = (TiffType)UInt16(position + 2);
            uint values = UInt32(position + 4);
            long length = type.Size() * (long)values;
            if (length > 0)
                _entries[UInt16(position)] = (type, values, length <= 4 ? position + 8 : UInt32(position + 8));
        }
    }

    public string Source => _source;

    public bool IsBigEndian { get; }

    public bool Contains(ushort tag) => _entries.ContainsKey(tag);

    /// <summary>The first value of a tag, or <paramref name="missing"/>.</summary>
    public long Number(ushort tag, long missing) => _entries.ContainsKey(tag) ? Numbers(tag, 1)[0] : missing;

    /// <summary>The values of a tag, none where it is missing, at most <paramref name="most"/>.</summary>
    /// <exception cref="InvalidImageException">They are no whole numbers, or do not lie in the file.</exception>
    public long[] Numbers(ushort tag, int most = int.MaxValue)
    {
        if (!_entries.TryGetValue(tag, out (TiffType Type, uint Count, long Offset) entry))
            return [];
        if (entry.Type is not (TiffType.Byte or TiffType.Short or TiffType.Long or TiffType.Directory))
            throw new InvalidImageException(_source, $"the TIFF's header is damaged: tag {tag} is no whole number.");
        // Before anything is allocated for them.
        if (entry.Offset + (entry.Type.Size() * (long)entry.Count) > _file.Length)
            throw CutOff();
        long[] values = new long[Math.Min(entry.Count, most)];
        for (int i = 0; i < values.Length; i++)
        {
            long position = entry.Offset + (i * (long)entry.Type.Size());
            values[i] = entry.Type switch { TiffType.Byte => At(position, 1)[0], TiffType.Short => UInt16(position), _ => UInt32(position) };
        }

        return values;
    }

    public InvalidImageException CutOff() => new(_source, "the image (TIFF) is cut off: its header points behind the end of the file.");

    private ushort UInt16(long position)
        => IsBigEndian ? BinaryPrimitives.ReadUInt16BigEndian(At(position, 2)) : BinaryPrimitives.ReadUInt16LittleEndian(At(position, 2));

    private uint UInt32(long position)
        => IsBigEndian ? BinaryPrimitives.ReadUInt32BigEndian(At(position, 4)) : BinaryPrimitives.ReadUInt32LittleEndian(At(position, 4));

    private ReadOnlySpan<byte> At(long position, int length) => position + length <= _file.Length ? _file.Span.Slice((int)position, length) : throw CutOff();
}
