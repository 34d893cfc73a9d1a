using System.Buffers.Binary;
using System.Text;

namespace PatchDpo.Torch.Weights.Pickle;

/// <summary>The bytes of a pickle: numbers, lines and blocks, none of them longer than what is left of the stream.</summary>
/// <param name="stream">Seekable, buffered.</param>
/// <param name="path">The file, for messages.</param>
internal sealed class PickleBytes(Stream stream, string path)
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private const int MaxNameLength = 1000;

    /// <summary>Where the next byte stands in the stream.</summary>
    public long Position => stream.Position;

    /// <summary>An exception that names the file and the place.</summary>
    public WeightsFormatException Fail(string problem, Exception? inner = null) => new(path, null, $"pickle, near byte {Position}: {problem}", inner);

    /// <summary>An exception that names the file, the place and what the pickle asks for.</summary>
    public UnsafePickleException Unsafe(string request) => new(path, request, Position);

    public byte Byte()
    {
        int value = stream.ReadByte();
        return value >= 0 ? (byte)value : throw Fail("the pickle ends before its STOP.");
    }

    public ushort UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

    public int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Take(4));

    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public double Double() => BinaryPrimitives.ReadDoubleBigEndian(Take(8));

    /// <summary>A length of eight bytes, of something that must still follow.</summary>
    public long Length(string what)
    {
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(Take(8));
        long left = stream.Length - Position;
        return length <= (ulong)left ? (long)length : throw Fail($"a {what} claims {length} bytes, but {left} follow.");
    }

    public byte[] Take(long length)
    {
        long left = stream.Length - Position;
        if (length < 0 || length > left || length > Array.MaxLength)
            throw Fail($"{length} bytes are asked for, but {left} follow.");
        byte[] bytes = new byte[length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>UTF-8.</summary>
    public string Text(long length)
    {
        byte[] utf8 = Take(length);
        try
        {
            return StrictUtf8.GetString(utf8);
        }
        catch (DecoderFallbackException e)
        {
            throw Fail("a string is not valid UTF-8.", e);
        }
    }

    /// <summary>A string of Python 2, whose bytes are kept as characters.</summary>
    public string Latin1(long length) => Encoding.Latin1.GetString(Take(length));

    /// <summary>A name up to the end of its line.</summary>
    public string Line()
    {
        StringBuilder line = new();
        for (byte b = Byte(); b != (byte)'\n'; b = Byte())
        {
            if (line.Length == MaxNameLength)
                throw Fail($"a name is longer than {MaxNameLength} bytes.");
            line.Append((char)b);
        }
        return line.ToString();
    }
}
