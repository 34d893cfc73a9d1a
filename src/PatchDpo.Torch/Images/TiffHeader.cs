using System.Buffers.Binary;

namespace PatchDpo.Torch.Images;

/// <summary>The first eight bytes of a TIFF file, or of an EXIF record.</summary>
internal static class TiffHeader
{
    public const int Length = 8;

    /// <summary>Reads the byte order and where the first directory lies; false where this is no TIFF header.</summary>
    /// <remarks>As Pillow, it also takes a version number in the other byte order.</remarks>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out bool bigEndian, out uint directory)
    {
        bigEndian = bytes.StartsWith("MM"u8);
        directory = 0;
        if (bytes.Length < Length || !(bigEndian || bytes.StartsWith("II"u8)) || BinaryPrimitives.ReadUInt16LittleEndian(bytes[2..]) is not (0x002A or 0x2A00))
            return false;
        directory = bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]) : BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
        return true;
    }

    /// <summary>Whether these are the first bytes of a BigTIFF, whose offsets have eight bytes.</summary>
    public static bool IsBig(ReadOnlySpan<byte> bytes) => bytes.StartsWith("II+\0"u8) || bytes.StartsWith("MM\0+"u8);

    /// <summary>The bytes of one value; 0 for an unknown type.</summary>
    public static int Size(this TiffType type) => type switch
    {
        TiffType.Byte or TiffType.Ascii or TiffType.SignedByte or TiffType.Undefined => 1,
        TiffType.Short or TiffType.SignedShort => 2,
        TiffType.Long or TiffType.SignedLong or TiffType.Single or TiffType.Directory => 4,
        TiffType.Rational or TiffType.SignedRational or TiffType.Double or TiffType.Long8 => 8,
        _ => 0,
    };
}
