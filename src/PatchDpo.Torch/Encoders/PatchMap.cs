using System.Runtime.InteropServices;
using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Encoders;

/// <summary>An image's patch features outside of libtorch, each brought to length 1 (a zero vector stays one).</summary>
/// <param name="Values">Float32, patch by patch, rows from the top.</param>
/// <param name="Height">Rows of patches.</param>
/// <param name="Width">Patches in a row.</param>
/// <param name="Dimension">The length of a feature.</param>
internal sealed record PatchMap(float[] Values, int Height, int Width, int Dimension)
{
    /// <summary>Bytes of the features.</summary>
    public long Bytes => Values.LongLength * sizeof(float);

    /// <summary>Copies one image's features of a batch and brings them to length 1. <c>(1,h,w,D)</c></summary>
    public static PatchMap Of(Tensor features)
    {
        using DisposeScope scope = NewDisposeScope();
        long[] shape = features.shape;
        // The one place where features are normalised for comparing: once an image, whatever it is compared with.
        Tensor unit = nn.functional.normalize(features.detach().to(ScalarType.Float32), p: 2, dim: 3, eps: 1e-12);
        return new PatchMap(unit.ToFloats(), (int)shape[1], (int)shape[2], (int)shape[3]);
    }

    /// <summary>Whether both can stand in one batch.</summary>
    public bool HasShapeOf(PatchMap other) => (Height, Width, Dimension) == (other.Height, other.Width, other.Dimension);

    /// <summary>A copy of the features. <c>(1,h,w,D)</c></summary>
    public Tensor ToTensor(Device device) => Batch([this], device);

    /// <summary>A copy of the features of maps of one shape. <c>(B,h,w,D)</c></summary>
    /// <remarks>
    /// Not a tensor over the same memory: where a managed array lies, and so how a matrix product goes about it, changes from run to run, and with it the
    /// last bits.
    /// </remarks>
    public static Tensor Batch(ReadOnlySpan<PatchMap> maps, Device device)
    {
        using DisposeScope scope = NewDisposeScope();
        PatchMap first = maps[0];
        Tensor copy = empty(maps.Length, first.Height, first.Width, first.Dimension, dtype: ScalarType.Float32);
        Span<float> all = MemoryMarshal.Cast<byte, float>(copy.bytes);
        for (int i = 0; i < maps.Length; i++)
            maps[i].Values.CopyTo(all[(i * first.Values.Length)..]);
        return copy.to(device).MoveToOuterDisposeScope();
    }
}
