using System.Buffers.Binary;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace PatchDpo.Torch.Weights.Onnx;

/// <summary>Walks the fields of a protocol buffer in a file, passing over what is not asked for without reading it.</summary>
/// <remarks>
/// Wire format: protobuf.dev, "Encoding". Messages lie in one another: <see cref="Enter"/> narrows the reader to one, <see cref="Leave"/> goes on behind it.
/// Groups (wire types 3 and 4) are refused: ONNX has none.
/// </remarks>
internal sealed class ProtobufReader(SafeFileHandle file, string path)
{
    private const int BufferLength = 1 << 12, MaxVarintBytes = 10, PayloadBits = 7, MaxNameBytes = 1 << 10;

    private readonly byte[] _buffer = new byte[BufferLength];
    private long _bufferStart;
    private int _buffered;

    /// <summary>The file.</summary>
    public string Path => path;

    /// <summary>What is read now, for messages: a node or an initialiser by name, once it is known.</summary>
    public string? Key { get; set; }

    /// <summary>The next byte's place in the file.</summary>
    public long Position { get; private set; }

    /// <summary>Where the current message ends.</summary>
    public long End { get; private set; } = RandomAccess.GetLength(file);

    /// <summary>The last field's number.</summary>
    public int Field { get; private set; }

    /// <summary>How the last field's value is written.</summary>
    public ProtobufWireType WireType { get; private set; }

    /// <summary>Reads the next field's number and type; false at the message's end.</summary>
    public bool Next()
    {
        if (Position == End)
            return false;
        ulong tag = Varint();
        ulong number = tag >> 3;
        WireType = (ProtobufWireType)(tag & 7);
        if (number is 0 or > int.MaxValue || !Enum.IsDefined(WireType))
            throw Fault($"at byte {Position} stands no field of a protocol buffer (number {number}, wire type {(int)WireType}).");
        Field = (int)number;
        return true;
    }

    /// <summary>Passes over the field's value.</summary>
    public void Skip()
    {
        switch (WireType)
        {
            case ProtobufWireType.Varint:
                Varint();
                break;
            case ProtobufWireType.Fixed64:
                Advance(sizeof(ulong));
                break;
            case ProtobufWireType.Fixed32:
                Advance(sizeof(uint));
                break;
            default:
                Advance(Length());
                break;
        }
    }

    /// <summary>Narrows the reader to the message that is the field's value.</summary>
    /// <returns>The outer message's end, for <see cref="Leave"/>.</returns>
    public long Enter(string what)
    {
        Require(ProtobufWireType.Bytes, what);
        long outer = End, length = Length();
        End = Position + length;
        return outer;
    }

    /// <summary>Goes on behind the message.</summary>
    public void Leave(long outerEnd)
    {
        Position = End;
        End = outerEnd;
    }

    /// <summary>Goes back to a place within the current message.</summary>
    public void Rewind(long position) => Position = position;

    /// <summary>The field's value as a signed integer.</summary>
    public long Integer(string what)
    {
        Require(ProtobufWireType.Varint, what);
        return (long)Varint();
    }

    /// <summary>One integer, or several in one field, behind those that were read before.</summary>
    public void Integers(List<long> values, int most, string what)
    {
        if (WireType == ProtobufWireType.Varint)
        {
            Add(Integer(what));
            return;
        }
        long outer = Enter(what);
        while (Position < End)
            Add((long)Varint());
        Leave(outer);

        void Add(long value)
        {
            if (values.Count == most)
                throw Fault($"its {what} have more than {most} values.");
            values.Add(value);
        }
    }

    /// <summary>The field's value as a float.</summary>
    public float Float(string what)
    {
        Require(ProtobufWireType.Fixed32, what);
        Span<byte> bytes = stackalloc byte[sizeof(float)];
        for (int i = 0; i < bytes.Length; i++)
            bytes[i] = Byte();
        return BinaryPrimitives.ReadSingleLittleEndian(bytes);
    }

    /// <summary>The field's value as text of at most a kilobyte.</summary>
    public string Text(string what)
    {
        Require(ProtobufWireType.Bytes, what);
        long length = Length();
        if (length > MaxNameBytes)
            throw Fault($"its {what} has {length} bytes; the limit is {MaxNameBytes}.");
        byte[] bytes = new byte[length];
        for (int i = 0; i < bytes.Length; i++)
            bytes[i] = Byte();
        return Encoding.UTF8.GetString(bytes);
    }

    /// <summary>The place of the field's bytes, which are passed over.</summary>
    public (long Position, long Length) Bytes(string what)
    {
        Require(ProtobufWireType.Bytes, what);
        long length = Length(), position = Position;
        Advance(length);
        return (position, length);
    }

    /// <summary>A fault of the file at the current place.</summary>
    public WeightsFormatException Fault(string problem) => new(path, Key, problem);

    private void Require(ProtobufWireType type, string what)
    {
        if (WireType != type)
            throw Fault($"its {what} is written as {WireType}, not as {type}.");
    }

    private long Length()
    {
        ulong length = Varint();
        return length <= (ulong)(End - Position) ? (long)length
            : throw Fault($"at byte {Position} a field claims {length} bytes, but {End - Position} are left of what holds it: the file was "
                + "cut short or changed.");
    }

    private void Advance(long count)
    {
        if (count > End - Position)
            throw Fault("the file ends within a field.");
        Position += count;
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (int i = 0; i < MaxVarintBytes; i++)
        {
            byte b = Byte();
            // The tenth byte has one bit of the 64 left.
            if (i == MaxVarintBytes - 1 && b > 1)
                break;
            value |= (ulong)(b & 0x7f) << (PayloadBits * i);
            if (b < 0x80)
                return value;
        }
        throw Fault($"before byte {Position} stands a number of more than 64 bits.");
    }

    private byte Byte()
    {
        if (Position >= End)
            throw Fault("the file ends within a field.");
        if (Position < _bufferStart || Position >= _bufferStart + _buffered)
        {
            _bufferStart = Position;
            _buffered = RandomAccess.Read(file, _buffer, Position);
            if (_buffered == 0)
                throw Fault("the file was cut short after it was opened.");
        }
        return _buffer[Position++ - _bufferStart];
    }
}
