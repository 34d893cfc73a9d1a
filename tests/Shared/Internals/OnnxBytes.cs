using System.Text;

namespace PatchDpo.Tests;

/// <summary>Writes ONNX models by hand: protocol buffers of as much of the format as tests need.</summary>
internal static class OnnxBytes
{
    private const int Varint = 0, Bytes = 2, Fixed32 = 5;

    /// <summary>A model with a graph.</summary>
    public static byte[] Model(params IEnumerable<byte[]> graphFields)
        => [.. Integer(1, 3), .. Text(2, "CNTK"), .. Message(7, graphFields)];

    /// <summary>A node of a graph.</summary>
    public static byte[] Node(string operation, string name, string[] inputs, string[] outputs, params IEnumerable<byte[]> attributes)
        => Message(1, [.. inputs.Select(i => Text(1, i)), .. outputs.Select(o => Text(2, o)), Text(3, name), Text(4, operation), .. attributes]);

    /// <summary>A node's attribute of integers.</summary>
    public static byte[] Attribute(string name, params long[] values)
        => Message(5, [Text(1, name), .. values.Length == 1 ? [Integer(3, values[0])] : values.Select(v => Integer(8, v))]);

    /// <summary>A node's attribute of one float.</summary>
    public static byte[] Attribute(string name, float value) => Message(5, [Text(1, name), [.. Tag(2, Fixed32), .. BitConverter.GetBytes(value)]]);

    /// <summary>An input of a graph.</summary>
    public static byte[] Input(string name) => Message(11, [Text(1, name)]);

    /// <summary>An initialiser with packed float data.</summary>
    public static byte[] Initialiser(string name, long[] shape, float[] values)
        => Initialiser(name, shape, 1, [.. Tag(4, Bytes), .. Length(values.Length * sizeof(float)), .. values.SelectMany(BitConverter.GetBytes)]);

    /// <summary>An initialiser with fields of one's own.</summary>
    public static byte[] Initialiser(string name, long[] shape, int type, params byte[][] fields)
        => Message(5, [.. shape.Select(d => Integer(1, d)), Integer(2, type), .. fields, Text(8, name)]);

    /// <summary>A field of text.</summary>
    public static byte[] Text(int field, string value) => Raw(field, Encoding.UTF8.GetBytes(value));

    /// <summary>A field of bytes.</summary>
    public static byte[] Raw(int field, byte[] value) => [.. Tag(field, Bytes), .. Length(value.Length), .. value];

    /// <summary>A field with an integer.</summary>
    public static byte[] Integer(int field, long value) => [.. Tag(field, Varint), .. Number((ulong)value)];

    /// <summary>A field with a message.</summary>
    public static byte[] Message(int field, IEnumerable<byte[]> fields) => Raw(field, [.. fields.SelectMany(f => f)]);

    /// <summary>A field's number and wire type.</summary>
    public static byte[] Tag(int field, int wireType) => Number((ulong)((field << 3) | wireType));

    /// <summary>A length before its bytes.</summary>
    public static byte[] Length(long length) => Number((ulong)length);

    private static byte[] Number(ulong value)
    {
        List<byte> bytes = [];
        for (; value >= 0x80; value >>= 7)
            bytes.Add((byte)(value | 0x80));
        bytes.Add((byte)value);
        return [.. bytes];
    }
}
