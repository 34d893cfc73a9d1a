using static TorchSharp.torch;

namespace PatchDpo.Torch.PatchEncoders;

/// <summary>Images that all have the encoder's input size.</summary>
/// <param name="pixels">Normalised, <c>(N,3,S,S)</c>.</param>
/// <param name="options">Bounds of the views.</param>
/// <param name="device">Where views go.</param>
internal sealed class PixelViewPool(Tensor pixels, PatchEncoderTrainerOptions options, Device device) : IViewPool
{
    public long Count => pixels.shape[0];

    public ViewPair Draw(IReadOnlyList<long> indexes, Random random)
    {
        Tensor images = pixels.index_select(0, tensor(indexes.ToArray(), device: pixels.device)).to(device);
        (Homography First, Homography Second)[] maps = [.. indexes.Select(_ => PatchCorrespondence.DrawViews(random, options))];
        Tensor second = PatchViews.Render(images, [.. maps.Select(v => v.Second)]);
        return new ViewPair(PatchViews.Render(images, [.. maps.Select(v => v.First)]), second, maps);
    }
}
