using PatchDpo.Torch.Images;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Benchmarks;

/// <summary>Pairs of random pixels.</summary>
internal static class SamplePairs
{
    /// <summary>A pair of images of its own.</summary>
    public static TrainingPair Of(int side, int seed) => new("a cat on a beach", Image(side, 2 * seed), Image(side, (2 * seed) + 1),
        new QualityMap(2, 2, [0.5f, 0.7f, 0.8f, 0.9f]), new QualityMap(2, 2, [0.6f, 0.4f, 0.7f, 0.8f]));

    private static ImageBuffer Image(int side, int seed)
    {
        byte[] pixels = new byte[side * side * 3];
        new Random(seed).NextBytes(pixels);
        return new ImageBuffer(side, side, 3, pixels);
    }
}
