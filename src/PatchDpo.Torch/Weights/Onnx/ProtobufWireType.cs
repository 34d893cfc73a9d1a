namespace PatchDpo.Torch.Weights.Onnx;

/// <summary>How a protocol buffer writes a field's value; the numbers are the format's.</summary>
internal enum ProtobufWireType
{
    /// <summary>An integer in groups of seven bits.</summary>
    Varint = 0,

    /// <summary>Eight bytes.</summary>
    Fixed64 = 1,

    /// <summary>A length, and as many bytes: text, a message, packed numbers.</summary>
    Bytes = 2,

    /// <summary>Four bytes.</summary>
    Fixed32 = 5,
}
