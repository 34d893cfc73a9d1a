using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Personalization;

/// <summary>Noise that belongs to a request, whatever batch or device it is generated in.</summary>
internal static class RequestNoise
{
    // Parts the steps' generators from those of the start, for seed 0 too, which the finaliser leaves as it is.
    private const long StepSalt = 0x2545F4914F6CDD1D;

    /// <summary>Standard normal noise, a generator for each row.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="indices">The number of each row's request.</param>
    /// <param name="shape">Of one row: C, h, w.</param>
    /// <param name="device">Where the noise goes; it is always drawn on the CPU.</param>
    /// <param name="step">The sampling step that the noise is for; null for the noise that a run starts from.</param>
    /// <returns>Float32 <c>(B,C,h,w)</c>, the caller's to dispose.</returns>
    public static Tensor Create(long seed, IReadOnlyList<long> indices, long[] shape, Device device, int? step = null)
    {
        using DisposeScope scope = NewDisposeScope();
        long start = step is int s ? (long)SeedMix.Mix(seed ^ StepSalt, s) : seed;
        return RowNoise.Normal(indices.Select(index => SeedMix.Mix(start, index)), shape).to(device).MoveToOuterDisposeScope();
    }
}
