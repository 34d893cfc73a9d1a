using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Loop;

/// <summary>The random numbers of a training: functions of seed, kind, step and row, whatever was drawn before, in which batch or by which process.</summary>
/// <param name="seed">The training's seed.</param>
/// <remarks>
/// All are drawn on the CPU and the same on every machine. A row is one of a step's batch, counted through all its parts: gradients that are
/// accumulated over two batches of 4 see the draws of one batch of 8.
/// </remarks>
internal sealed class TrainingDraws(long seed)
{
    private const double PerUnit = 1.0 / (1UL << 53);

    /// <summary>Standard normal numbers.</summary>
    /// <param name="draw">What they are for.</param>
    /// <param name="step">The step, from 1.</param>
    /// <param name="first">The first row.</param>
    /// <param name="rows">How many rows.</param>
    /// <param name="shape">Of one row.</param>
    /// <returns>Float32 on the CPU, <c>(rows,...)</c>, in the current dispose scope.</returns>
    public Tensor Normal(TrainingDraw draw, int step, int first, int rows, ReadOnlySpan<long> shape)
        => RowNoise.Normal(Enumerable.Range(first, rows).Select(row => Bits(draw, step, row)), shape.ToArray());

    /// <summary>Whole numbers from 0 to below a bound, all as likely; one a row.</summary>
    public long[] Below(TrainingDraw draw, int step, int first, int rows, long bound)
        => [.. Enumerable.Range(first, rows).Select(row => Below(Bits(draw, step, row), bound))];

    /// <summary>Numbers in [0, 1), all as likely; one a row.</summary>
    public double[] Uniform(TrainingDraw draw, int step, int first, int rows)
        => [.. Enumerable.Range(first, rows).Select(row => (Bits(draw, step, row) >> 11) * PerUnit)];

    /// <summary>A generator of a step's own, for draws that are of no row.</summary>
    public Random Random(TrainingDraw draw, int step) => new((int)(Bits(draw, step, 0) >> 32));

    /// <summary>libtorch's, the caller's to dispose.</summary>
    public Generator Generator(TrainingDraw draw, int step) => new(Bits(draw, step, 0), CPU);

    /// <summary>A number for draws that are made of it.</summary>
    public ulong Key(TrainingDraw draw, int step) => Bits(draw, step, 0);

    /// <summary>The order of rows in an epoch, from 0: each once.</summary>
    public long[] Permutation(int epoch, int count)
    {
        long[] order = [.. Enumerable.Range(0, count)];
        // Fisher and Yates, from the end.
        for (int i = count - 1; i > 0; i--)
        {
            long other = Below(Bits(TrainingDraw.Order, epoch, i), i + 1);
            (order[i], order[other]) = (order[other], order[i]);
        }
        return order;
    }

    // The upper half of a product: the bias of at most bound / 2^64 is beyond any measure.
    private static long Below(ulong bits, long bound) => (long)Math.BigMul(bits, (ulong)bound, out _);

    private ulong Bits(TrainingDraw draw, int step, int row) => SeedMix.Mix((long)SeedMix.Mix((long)SeedMix.Mix(seed, (long)draw), step), row);
}
