using static TorchSharp.torch;

namespace PatchDpo.Torch.Weights;

/// <summary>Where values stand for a moment between a file and a tensor of another type: small, so that they stay in the processor's cache.</summary>
/// <remarks>One serves all tensors of a file: a buffer for each would leave a hole in the heap after each.</remarks>
internal sealed class ConversionBuffer : IDisposable
{
    /// <summary>The most values that it holds.</summary>
    public const long Elements = 1L << 17;

    private readonly Tensor _floats = Make(ScalarType.Float32);
    private Tensor _values;

    /// <summary>Makes it for values of a type.</summary>
    public ConversionBuffer(ScalarType type) => _values = Make(type);

    /// <summary>Uninitialised values of a type, in the current dispose scope.</summary>
    public Tensor Values(ScalarType type, long count)
    {
        if (_values.dtype != type)
        {
            _values.Dispose();
            _values = Make(type);
        }
        return _values.narrow(0, 0, count);
    }

    /// <summary>Uninitialised float32 values beside the others, in the current dispose scope.</summary>
    public Tensor Floats(long count) => _floats.narrow(0, 0, count);

    public void Dispose()
    {
        _values.Dispose();
        _floats.Dispose();
    }

    private static Tensor Make(ScalarType type) => empty(Elements, dtype: type, device: CPU).DetachFromDisposeScope();
}
