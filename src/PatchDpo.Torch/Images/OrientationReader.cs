using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using System.Text.Unicode;

namespace PatchDpo.Torch.Images;

/// <summary>Finds how an encoded image must be turned to stand upright, wherever Pillow 9.4's <c>exif_transpose</c> looks.</summary>
/// <remarks>
/// JPEG: the first APP1 segment with EXIF. PNG: <c>eXIf</c>, before or after the pixels, else the text "Raw profile type exif", else
/// <c>tiff:Orientation</c> in the text "XML:com.adobe.xmp". WebP: the chunk EXIF that the header announces. TIFF: the first directory.
/// What is malformed is ignored. Parsing reads no byte twice and unpacks at most <see cref="MaxText"/> bytes of each text it looks for,
/// and <see cref="MaxAllText"/> in all.
/// </remarks>
internal static class OrientationReader
{
    // Pillow's own limits.
    private const int MaxText = 1 << 20, MaxAllText = 64 << 20;

    private static ReadOnlySpan<byte> PngStart => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>EXIF's value, 1..8; 1 where nothing, or nothing usable, is said.</summary>
    public static int Read(ReadOnlySpan<byte> file)
    {
        int? found = file.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8]) ? OfJpeg(file)
            : file.StartsWith(PngStart) ? OfPng(file)
            : file.StartsWith("RIFF"u8) && file.Length >= 12 && file[8..].StartsWith("WEBP"u8) ? OfWebP(file)
            : ExifOrientation.Read(file);
        return found is >= 1 and <= 8 ? found.Value : 1;
    }

    private static int? OfJpeg(ReadOnlySpan<byte> file)
    {
        const byte StartOfScan = 0xDA, App1 = 0xE1;
        for (int position = 2; position < file.Length - 1;)
        {
            byte marker = file[position + 1];
            // Junk, padding, and markers that stand alone.
            if (file[position] != 0xFF || marker is 0 or 0x01 or 0xFF or (>= 0xD0 and <= 0xD9))
            {
                position++;
                continue;
            }

            int length = position + 4 <= file.Length ? BinaryPrimitives.ReadUInt16BigEndian(file[(position + 2)..]) : 0;
            if (marker == StartOfScan || length < 2 || position + 2 + length > file.Length)
                return null;
            ReadOnlySpan<byte> segment = file.Slice(position + 4, length - 2);
            if (marker == App1 && segment.StartsWith("Exif\0"u8))
                return ExifOrientation.Read(segment);
            position += 2 + length;
        }

        return null;
    }

    private static int? OfWebP(ReadOnlySpan<byte> file)
    {
        const byte HasExif = 0x08;
        bool announced = false;
        for (int position = 12; position <= file.Length - 8;)
        {
            ReadOnlySpan<byte> type = file.Slice(position, 4);
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(file[(position + 4)..]);
            position += 8;
            if (length > file.Length - position)
                return null;
            ReadOnlySpan<byte> data = file.Slice(position, (int)length);
            if (type.SequenceEqual("VP8X"u8))
                announced = length > 0 && (data[0] & HasExif) != 0;
            else if (announced && type.SequenceEqual("EXIF"u8))
                return ExifOrientation.Read(data);
            position += (int)Math.Min(length + (length & 1), (uint)(file.Length - position));
        }

        return null;
    }

    private static int? OfPng(ReadOnlySpan<byte> file)
    {
        byte[]? profile = null, xmp = null;
        int? orientation = null;
        int unpacked = 0;
        bool hasPixels = false, isAnimated = false, hasExif = false, isBefore = false;
        for (int position = PngStart.Length; position <= file.Length - 12;)
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(file[position..]);
            ReadOnlySpan<byte> type = file.Slice(position + 4, 4);
            position += 8;
            // The next frame of an animation ends the first one's chunks.
            if (length > file.Length - position - 4 || type.SequenceEqual("IEND"u8) || (hasPixels && isAnimated && type.SequenceEqual("fcTL"u8)))
                break;
            ReadOnlySpan<byte> data = file.Slice(position, (int)length);
            hasPixels |= type.SequenceEqual("IDAT"u8);
            isAnimated |= type.SequenceEqual("acTL"u8);
            // Before the pixels the last one counts, and only where there is none those behind them.
            if (type.SequenceEqual("eXIf"u8) && !(hasPixels && isBefore))
                (orientation, hasExif, isBefore) = (ExifOrientation.ReadBare(data), true, !hasPixels);
            else if (type.SequenceEqual("tEXt"u8) && data.StartsWith("exif\0"u8) && !(hasPixels && isBefore))
                (orientation, hasExif, isBefore) = (ExifOrientation.Read(data[5..]), true, !hasPixels);
            else if (type.SequenceEqual("tEXt"u8) || type.SequenceEqual("zTXt"u8) || type.SequenceEqual("iTXt"u8))
                Keep(type, data);
            position += (int)length + 4;
        }

        if (!hasExif && profile is not null)
            orientation = ExifOrientation.Read(FromHex(profile));
        return orientation ?? (xmp is not null ? OfXmp(xmp) : null);

        // Of several texts of a name the last one counts.
        void Keep(ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
        {
            int end = data.IndexOf((byte)0);
            ReadOnlySpan<byte> name = end < 0 ? data : data[..end];
            bool isProfile = name.SequenceEqual("Raw profile type exif"u8);
            if ((!isProfile && !name.SequenceEqual("XML:com.adobe.xmp"u8)) || unpacked >= MaxAllText)
                return;
            byte[]? text = Text(type, end < 0 ? [] : data[(end + 1)..]);
            unpacked += text?.Length ?? MaxText;
            if (text is null)
                return;
            if (isProfile)
                profile = text;
            else
                xmp = text;
        }
    }

    /// <summary>A text chunk's text behind its name; null where it is damaged or too long.</summary>
    private static byte[]? Text(ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        if (type.SequenceEqual("tEXt"u8))
            return data.Length <= MaxText ? data.ToArray() : null;
        if (type.SequenceEqual("zTXt"u8))
            return data.Length > 0 && data[0] == 0 ? Inflate(data[1..]) : null;
        // iTXt: whether it is compressed, how, the language and its translated name before the text, which is UTF-8.
        if (data.Length < 2)
            return null;
        (byte compressed, byte method) = (data[0], data[1]);
        data = data[2..];
        for (int i = 0; i < 2; i++)
        {
            int end = data.IndexOf((byte)0);
            if (end < 0)
                return null;
            data = data[(end + 1)..];
        }

        byte[]? text = compressed == 0 ? (data.Length <= MaxText ? data.ToArray() : null) : method == 0 ? Inflate(data) : null;
        return text is not null && Utf8.IsValid(text) ? text : null;
    }

    private static byte[]? Inflate(ReadOnlySpan<byte> data)
    {
        using var zlib = new ZLibStream(new MemoryStream(data.ToArray()), CompressionMode.Decompress);
        using var text = new MemoryStream();
        byte[] block = new byte[1 << 12];
        try
        {
            for (int read; (read = zlib.Read(block)) > 0;)
            {
                text.Write(block, 0, read);
                if (text.Length > MaxText)
                    return null;
            }

            return text.ToArray();
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    /// <summary>ImageMagick's raw profile: an empty line, its name and its length, then hexadecimal digits.</summary>
    private static byte[] FromHex(byte[] profile)
    {
        string[] lines = Encoding.Latin1.GetString(profile).Split('\n');
        string digits = string.Concat(lines.Skip(3).SelectMany(l => l).Where(c => !char.IsWhiteSpace(c)));
        return digits.Length % 2 == 0 && digits.All(char.IsAsciiHexDigit) ? Convert.FromHexString(digits) : [];
    }

    private static int? OfXmp(ReadOnlySpan<byte> xmp)
    {
        ReadOnlySpan<byte> name = "tiff:Orientation"u8;
        for (int found; (found = xmp.IndexOf(name)) >= 0;)
        {
            xmp = xmp[(found + name.Length)..];
            int before = xmp.StartsWith("=\""u8) ? 2 : xmp.StartsWith(">"u8) ? 1 : 0;
            if (before > 0 && xmp.Length > before && char.IsAsciiDigit((char)xmp[before]))
                return xmp[before] - '0';
        }

        return null;
    }
}
