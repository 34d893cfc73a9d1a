using PatchDpo.Torch.Weights.Safetensors;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Weights.Pickle;

/// <summary>A numpy dtype of plain little-endian numbers.</summary>
internal sealed class NumpyDType(ScalarType type)
{
    public ScalarType Type => type;

    public int Size => SafetensorsDType.Size(type);

    /// <summary><c>numpy.dtype(code, align, copy)</c>.</summary>
    public static NumpyDType Create(PickleReader reader, object?[] args) => new((args.Length > 0 ? args[0] : null) switch
    {
        "f8" => ScalarType.Float64,
        "f4" => ScalarType.Float32,
        "f2" => ScalarType.Float16,
        "i8" => ScalarType.Int64,
        "i4" => ScalarType.Int32,
        "i2" => ScalarType.Int16,
        "i1" => ScalarType.Int8,
        "u1" => ScalarType.Byte,
        "b1" => ScalarType.Bool,
        _ => throw reader.Fail("numpy arrays of this dtype are not supported (plain numbers only)."),
    });

    /// <summary>The dtype's state: <c>(version, byte order, …)</c>.</summary>
    public void CheckState(PickleReader reader, object? state)
    {
        if (state is not object?[] { Length: >= 2 } parts || parts[1] is not ("<" or "|" or "="))
            throw reader.Fail("a numpy dtype is not of little-endian numbers.");
    }
}
