using System.Buffers.Binary;
using System.IO.Compression;

namespace PatchDpo.Torch.Images;

/// <summary>Writes TIFF files: one image, little-endian, in strips.</summary>
/// <remarks>Written here because ImageSharp 2.1 writes no TIFF with transparency.</remarks>
internal static class TiffWriter
{
    private const ushort StripOffsets = 273, StripByteCounts = 279;
    private const int EntryLength = 12;

    /// <summary>An image with Deflate: grey, RGB or RGBA (not premultiplied).</summary>
    public static byte[] Encode(ImageBuffer image)
    {
        using var strip = new MemoryStream();
        using (var zlib = new ZLibStream(strip, CompressionLevel.Optimal, leaveOpen: true))
            zlib.Write(image.Pixels);
        List<(ushort, TiffType, long[])> entries =
        [
            (256, TiffType.Long, [image.Width]), (257, TiffType.Long, [image.Height]), (258, TiffType.Short, [.. Enumerable.Repeat(8L, image.Channels)]),
            (259, TiffType.Short, [(long)TiffCompression.Deflate]), (262, TiffType.Short, [image.Channels == 1 ? 1 : 2]),
                (277, TiffType.Short, [image.Channels]),
            (278, TiffType.Long, [image.Height]),
        ];
        if (image.Channels == 4)
            entries.Add((338, TiffType.Short, [2]));
        return Build(entries, [strip.ToArray()]);
    }

    /// <summary>A file of these tags and strips; the tags that tell where the strips lie are added.</summary>
    public static byte[] Build(IEnumerable<(ushort Tag, TiffType Type, long[] Values)> tags, IReadOnlyList<ReadOnlyMemory<byte>> strips)
    {
        long[] places = new long[strips.Count];
        (ushort Tag, TiffType Type, long[] Values)[] entries =
            [.. tags.Append((StripOffsets, TiffType.Long, places)).Append((StripByteCounts, TiffType.Long, [.. strips.Select(s => (long)s.Length)]))
                .OrderBy(e => e.Item1)];
        int tables = TiffHeader.Length + 2 + (entries.Length * EntryLength) + 4;
        int data = tables + entries.Sum(e => Bytes(e) > 4 ? Bytes(e) : 0), end = data;
        for (int i = 0; i < places.Length; end = checked(end + strips[i].Length), i++)
            places[i] = end;

        byte[] output = new byte[end];
        Span<byte> bytes = output;
        "II*\0"u8.CopyTo(bytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[4..], TiffHeader.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[TiffHeader.Length..], (ushort)entries.Length);
        int position = TiffHeader.Length + 2;
        foreach ((ushort Tag, TiffType Type, long[] Values) entry in entries)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(bytes[position..], entry.Tag);
            BinaryPrimitives.WriteUInt16LittleEndian(bytes[(position + 2)..], (ushort)entry.Type);
            BinaryPrimitives.WriteInt32LittleEndian(bytes[(position + 4)..], entry.Values.Length);
            int values = position + 8;
            if (Bytes(entry) > 4)
            {
                BinaryPrimitives.WriteInt32LittleEndian(bytes[values..], tables);
                values = tables;
                tables += Bytes(entry);
            }

            foreach (long value in entry.Values)
            {
                if (entry.Type == TiffType.Short)
                    BinaryPrimitives.WriteUInt16LittleEndian(bytes[values..], (ushort)value);
                else
                    BinaryPrimitives.WriteUInt32LittleEndian(bytes[values..], (uint)value);
                values += entry.Type.Size();
            }

            position += EntryLength;
        }

        for (int i = 0; i < places.Length; i++)
            strips[i].Span.CopyTo(bytes[(int)places[i]..]);
        return output;

        static int Bytes((ushort Tag, TiffType Type, long[] Values) entry) => entry.Type.Size() * entry.Values.Length;
    }
}
