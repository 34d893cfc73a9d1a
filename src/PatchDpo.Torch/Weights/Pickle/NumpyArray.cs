using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Weights.Pickle;

/// <summary>A numpy array out of a pickle; its values stay bytes until they are asked for.</summary>
internal sealed class NumpyArray
{
    private NumpyDType? _dtype;
    private bool _fortran;
    private byte[] _data = [];

    public long[] Shape { get; private set; } = [0];

    /// <summary>The array's state: <c>(version, shape, dtype, is Fortran order, data)</c>.</summary>
    public void SetState(PickleReader reader, object? state)
    {
        if (state is not object?[] { Length: 5 } parts || parts[2] is not NumpyDType dtype || parts[3] is not bool fortran)
            throw reader.Fail("a numpy array's state has another form.");
        Shape = reader.Integers(parts[1], "a numpy array's shape");
        _data = reader.Bytes(parts[4], "a numpy array's data");
        long count;
        try
        {
            count = TensorShape.CountElements(Shape);
        }
        catch (OverflowException)
        {
            throw reader.Fail("a numpy array's shape overflows.");
        }
        if (_data.Length % dtype.Size != 0 || _data.Length / dtype.Size != count)
            throw reader.Fail($"a numpy array of shape [{string.Join(",", Shape)}] has {_data.Length} bytes of data.");
        (_dtype, _fortran) = (dtype, fortran);
    }

    /// <summary>The values as float32, in C order.</summary>
    public float[] ToFloats()
    {
        using DisposeScope scope = NewDisposeScope();
        ScalarType type = _dtype?.Type ?? ScalarType.Float32;
        // A bool's byte may only be 0 or 1 in libtorch; the file may hold others.
        bool isBool = type == ScalarType.Bool;
        Tensor values = empty(_data.Length / (_dtype?.Size ?? 1), isBool ? ScalarType.Byte : type);
        if (_data.Length > 0)
            _data.CopyTo(values.bytes);
        values = isBool ? values.to(ScalarType.Bool) : values;
        values = _fortran ? values.reshape([.. Shape.Reverse()]).permute([.. Enumerable.Range(0, Shape.Length).Reverse().Select(i => (long)i)]) : values;
        return values.ToFloats();
    }
}
