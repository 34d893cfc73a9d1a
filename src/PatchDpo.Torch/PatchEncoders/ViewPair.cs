using static TorchSharp.torch;

namespace PatchDpo.Torch.PatchEncoders;

/// <summary>Two views of each image of a batch, before changes of light.</summary>
/// <param name="First">Normalised pixels, <c>(B,3,S,S)</c>.</param>
/// <param name="Second">The same of the second views.</param>
/// <param name="Maps">From the views' unit squares into the images'.</param>
/// <param name="Foregrounds">For each image what of it both views show, <c>[height, width]</c>, or null where that is all.</param>
internal sealed record ViewPair(
    Tensor First, Tensor Second, IReadOnlyList<(Homography First, Homography Second)> Maps, IReadOnlyList<bool[,]?>? Foregrounds = null);
