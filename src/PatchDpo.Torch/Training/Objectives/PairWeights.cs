using PatchDpo.Torch.Training.Data;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Training.Objectives;

/// <summary>The loss weights of some pairs.</summary>
/// <param name="pairs">B pairs.</param>
/// <param name="height">Rows of the latent grid.</param>
/// <param name="width">Columns of the latent grid.</param>
/// <returns>Float32 on the CPU, <c>(B,2,h,w)</c>: reference, then generated image; the caller disposes it.</returns>
internal delegate Tensor PairWeights(IReadOnlyList<PairRecord> pairs, int height, int width);
