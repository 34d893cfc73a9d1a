using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Foundation;

/// <summary>Noise whose rows each come from a generator of their own, so that a row is the same in every batch.</summary>
internal static class RowNoise
{
    /// <summary>Standard normal numbers.</summary>
    /// <param name="seeds">A seed for each row.</param>
    /// <param name="shape">Of one row.</param>
    /// <returns>Float32 on the CPU, <c>(rows,...)</c>, in the current dispose scope.</returns>
    public static Tensor Normal(IEnumerable<ulong> seeds, long[] shape)
    {
        using DisposeScope scope = NewDisposeScope();
        return stack(seeds.Select(Row)).MoveToOuterDisposeScope();

        Tensor Row(ulong seed)
        {
            using Generator generator = new(seed, CPU);
            return randn(shape, dtype: ScalarType.Float32, generator: generator);
        }
    }
}
