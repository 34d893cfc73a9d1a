using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.MLNet;

/// <summary>Copies tensors into rows.</summary>
internal static class TensorRows
{
    /// <summary>The rows of a <c>(B,D)</c> tensor of any device.</summary>
    public static float[][] ToArrays(Tensor tensor)
    {
        using DisposeScope scope = NewDisposeScope();
        float[] all = tensor.detach().to(float32).cpu().contiguous().data<float>().ToArray();
        return all.Chunk((int)tensor.shape[1]).ToArray();
    }
}
