using System.Text;

namespace PatchDpo.Torch.Weights.Zip;

/// <summary>Writes a zip file of stored entries as PyTorch does: from front to back, each entry's data at a multiple of 64 bytes, no dates.</summary>
/// <remarks>Format: PKWARE's APPNOTE.TXT, sections 4.3 to 4.5; the padding's field "FB": caffe2/serialize/inline_container.cc.</remarks>
internal sealed class ZipWriter
{
    private const int Alignment = 64, LocalLength = 30, ExtraHeaderLength = 4;

    private const ushort NamesAreUtf8 = 0x0800, SizesFollow = 0x0008;

    private const ushort MadeBy = 0x031e, Needs = 45;

    /// <summary>The encoding of names; refuses what is not valid Unicode.</summary>
    public static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly Stream _stream;
    private readonly long _zip64Limit;
    private readonly List<(byte[] Name, uint Crc, long Length, long Place)> _entries = [];
    private long _position;

    /// <summary>Begins a file at the stream's position.</summary>
    /// <param name="stream">A writable stream.</param>
    /// <param name="zip64Limit">
    /// Sizes and places from here on are written as zip64 writes them, with 64 bits; the format's own limit, or a smaller one to try it.
    /// </param>
    public ZipWriter(Stream stream, uint zip64Limit = uint.MaxValue)
    {
        _stream = stream;
        _zip64Limit = zip64Limit;
    }

    /// <summary>Writes an entry.</summary>
    /// <exception cref="ArgumentException">The name is too long, or not valid Unicode.</exception>
    public void Add(string name, byte[] data) => Add(name, data.Length, write => write(data));

    /// <summary>Writes an entry whose bytes come in pieces.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="length">The number of its bytes.</param>
    /// <param name="writeData">Hands over exactly that many bytes.</param>
    /// <exception cref="ArgumentException">The name is too long, or not valid Unicode.</exception>
    public void Add(string name, long length, Action<Action<ReadOnlySpan<byte>>> writeData)
    {
        byte[] nameBytes = Utf8.GetBytes(name);
        if (nameBytes.Length > ushort.MaxValue)
            throw new ArgumentException($"The name {KeyText.Quote(name)} is longer than {ushort.MaxValue} bytes.", nameof(name));
        long place = _position;
        byte[] zip64 = Zip64Field(length, place);
        long unpadded = place + LocalLength + nameBytes.Length + zip64.Length + ExtraHeaderLength;
        int padding = (int)((Alignment - (unpadded % Alignment)) % Alignment);
        Write(header =>
        {
            header.Write("PK\x03\x04"u8);
            header.Write((ushort)0);
            header.Write(Flags(length));
            header.Write(new byte[18]);
            header.Write((ushort)nameBytes.Length);
            header.Write((ushort)(zip64.Length + ExtraHeaderLength + padding));
            header.Write(nameBytes);
            header.Write(zip64);
            header.Write("FB"u8);
            header.Write((ushort)padding);
            header.Write(Enumerable.Repeat((byte)'Z', padding).ToArray());
        });
        long start = _position;
        Crc32 crc = new();
        writeData(bytes =>
        {
            crc.Append(bytes);
            Write(bytes);
        });
        if (_position - start != length)
            throw new InvalidOperationException($"The entry '{name}' was to have {length} bytes, not {_position - start}.");
        _entries.Add((nameBytes, crc.Value, length, place));
        if (length == 0)
            return;
        Write(footer =>
        {
            footer.Write("PK\x07\x08"u8);
            footer.Write(crc.Value);
            for (int i = 0; i < 2; i++)
            {
                if (zip64.Length > 0)
                    footer.Write(length);
                else
                    footer.Write((uint)length);
            }
        });
    }

    /// <summary>Writes the directory, which ends the file.</summary>
    public void Finish()
    {
        long start = _position;
        foreach ((byte[] name, uint crc, long length, long place) in _entries)
            Write(header => WriteDirectoryEntry(header, name, crc, length, place));
        long end = _position;
        Write(tail =>
        {
            tail.Write("PK\x06\x06"u8);
            tail.Write(44L);
            tail.Write(MadeBy);
            tail.Write(Needs);
            tail.Write(0L);
            tail.Write((long)_entries.Count);
            tail.Write((long)_entries.Count);
            tail.Write(end - start);
            tail.Write(start);
            tail.Write("PK\x06\x07"u8);
            tail.Write(0u);
            tail.Write(end);
            tail.Write(1u);
            tail.Write("PK\x05\x06"u8);
            tail.Write(0u);
            tail.Write((ushort)Math.Min(_entries.Count, ushort.MaxValue));
            tail.Write((ushort)Math.Min(_entries.Count, ushort.MaxValue));
            tail.Write(Low(end - start));
            tail.Write(Low(start));
            tail.Write((ushort)0);
        });
    }

    private void WriteDirectoryEntry(BinaryWriter header, byte[] name, uint crc, long length, long place)
    {
        byte[] zip64 = Zip64Field(length, place);
        header.Write("PK\x01\x02"u8);
        header.Write(0u);
        header.Write(Flags(length));
        header.Write(new byte[6]);
        header.Write(crc);
        header.Write(Low(length));
        header.Write(Low(length));
        header.Write((ushort)name.Length);
        header.Write((ushort)zip64.Length);
        header.Write(new byte[10]);
        header.Write(Low(place));
        header.Write(name);
        header.Write(zip64);
    }

    // PyTorch writes sizes and checksum behind an entry's data, where it has any.
    private static ushort Flags(long length) => length == 0 ? NamesAreUtf8 : (ushort)(NamesAreUtf8 | SizesFollow);

    private uint Low(long value) => value >= _zip64Limit ? uint.MaxValue : (uint)value;

    /// <summary>The extra field for what does not fit 32 bits; empty where all fits.</summary>
    private byte[] Zip64Field(long length, long place)
    {
        long[] values = [.. length >= _zip64Limit ? [length, length] : Array.Empty<long>(), .. place >= _zip64Limit ? [place] : Array.Empty<long>()];
        return values.Length == 0 ? [] : [1, 0, (byte)(values.Length * sizeof(long)), 0, .. values.SelectMany(BitConverter.GetBytes)];
    }

    private void Write(Action<BinaryWriter> write)
    {
        using MemoryStream bytes = new();
        using (BinaryWriter writer = new(bytes, Encoding.UTF8, leaveOpen: true))
            write(writer);
        Write(bytes.GetBuffer().AsSpan(0, (int)bytes.Length));
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        _stream.Write(bytes);
        _position += bytes.Length;
    }
}
