using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.MLNet;

/// <summary>Copies tensors into rows.</summary>
internal static class TensorRows
{
    /// <summary>The rows of a <c>(B,D)</c> tensor of any device.</summary>
    public static float[][] ToArrays(Tensor tensor) => tensor.ToFloats().Chunk((int)tensor.shape[1]).ToArray();
}
