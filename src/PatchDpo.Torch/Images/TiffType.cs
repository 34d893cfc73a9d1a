namespace PatchDpo.Torch.Images;

/// <summary>The types of a TIFF entry's values, by their numbers in the file.</summary>
internal enum TiffType : ushort
{
    Byte = 1,
    Ascii = 2,
    Short = 3,
    Long = 4,
    Rational = 5,
    SignedByte = 6,
    Undefined = 7,
    SignedShort = 8,
    SignedLong = 9,
    SignedRational = 10,
    Single = 11,
    Double = 12,
    Directory = 13,
    Long8 = 16,
}
