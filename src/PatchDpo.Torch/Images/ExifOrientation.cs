using System.Buffers.Binary;

namespace PatchDpo.Torch.Images;

/// <summary>Reads the orientation in an EXIF record, which is a TIFF file without pixels, as Pillow 9.4 reads it.</summary>
/// <remarks>
/// Only the first directory counts, and of an entry that is there twice the last. What is cut off, points outside the record or is no
/// number leaves the image as it is stored, as do values outside 1..8; nothing throws.
/// </remarks>
internal static class ExifOrientation
{
    private const ushort Tag = 0x0112;
    private const int EntryLength = 12;

    private static ReadOnlySpan<byte> Prefix => "Exif\0\0"u8;

    /// <summary>The orientation, any number; 0 where the entry holds none, null where there is no entry.</summary>
    /// <param name="exif">The record, with or without the <c>Exif\0\0</c> that stands before it in JPEG files.</param>
    public static int? Read(ReadOnlySpan<byte> exif) => ReadBare(exif.StartsWith(Prefix) ? exif[Prefix.Length..] : exif);

    /// <summary>As <see cref="Read"/>, of a record that stands alone, as in PNG files.</summary>
    public static int? ReadBare(ReadOnlySpan<byte> exif)
        => TiffHeader.TryRead(exif, out bool bigEndian, out uint directory) ? Find(exif, bigEndian, directory) : null;

    private static int? Find(ReadOnlySpan<byte> exif, bool bigEndian, uint directory)
    {
        if (directory > exif.Length - 2)
            return null;
        int count = UInt16(exif[(int)directory..], bigEndian), position = (int)directory + 2;
        int? orientation = null;
        for (; count > 0 && position <= exif.Length - EntryLength; count--, position += EntryLength)
        {
            ReadOnlySpan<byte> entry = exif.Slice(position, EntryLength);
            TiffType type = (TiffType)UInt16(entry[2..], bigEndian);
            long length = type.Size() * (long)UInt32(entry[4..], bigEndian);
            // Pillow ignores entries of unknown types and without values, and ends at the first whose values are not all there.
            if (length == 0)
                continue;
            long offset = length <= 4 ? position + 8 : UInt32(entry[8..], bigEndian);
            if (offset + length > exif.Length)
                return orientation;
            if (UInt16(entry, bigEndian) == Tag)
                orientation = Value(exif.Slice((int)offset, type.Size()), type, bigEndian);
        }

        return orientation;
    }

    // The first of several values. Python compares numbers by value: 6.0 and 6/1 turn an image as 6 does, bytes and text do not.
    private static int Value(ReadOnlySpan<byte> value, TiffType type, bool bigEndian) => type switch
    {
        TiffType.Short => UInt16(value, bigEndian),
        TiffType.SignedShort => (short)UInt16(value, bigEndian),
        TiffType.Long or TiffType.Directory => Whole(UInt32(value, bigEndian)),
        TiffType.SignedLong => (int)UInt32(value, bigEndian),
        TiffType.SignedByte => (sbyte)value[0],
        TiffType.Long8 => Whole(UInt64(value, bigEndian)),
        TiffType.Single => Whole(BitConverter.UInt32BitsToSingle(UInt32(value, bigEndian))),
        TiffType.Double => Whole(BitConverter.UInt64BitsToDouble(UInt64(value, bigEndian))),
        TiffType.Rational => Whole((double)UInt32(value, bigEndian) / UInt32(value[4..], bigEndian)),
        TiffType.SignedRational => Whole((double)(int)UInt32(value, bigEndian) / (int)UInt32(value[4..], bigEndian)),
        _ => 0,
    };

    private static int Whole(double value) => value is >= 1 and <= 8 && value == Math.Floor(value) ? (int)value : 0;

    private static ushort UInt16(ReadOnlySpan<byte> bytes, bool bigEndian)
        => bigEndian ? BinaryPrimitives.ReadUInt16BigEndian(bytes) : BinaryPrimitives.ReadUInt16LittleEndian(bytes);

    private static uint UInt32(ReadOnlySpan<byte> bytes, bool bigEndian)
        => bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt32LittleEndian(bytes);

    private static ulong UInt64(ReadOnlySpan<byte> bytes, bool bigEndian)
        => bigEndian ? BinaryPrimitives.ReadUInt64BigEndian(bytes) : BinaryPrimitives.ReadUInt64LittleEndian(bytes);
}
