using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Foundation;

/// <summary>Copies tensors' numbers out of libtorch.</summary>
/// <remarks>TorchSharp's own <c>data&lt;float&gt;().ToArray()</c> asks each element of more than one dimension for its place: nine times as long.</remarks>
internal static class TensorValues
{
    /// <summary>The numbers as float32 in their order, the last dimension's next to each other; any floating type, device and strides.</summary>
    public static float[] ToFloats(this Tensor tensor)
    {
        // The scope holds what the span points into.
        using DisposeScope scope = NewDisposeScope();
        return MemoryMarshal.Cast<byte, float>(tensor.detach().to(ScalarType.Float32).cpu().contiguous().bytes).ToArray();
    }
}
