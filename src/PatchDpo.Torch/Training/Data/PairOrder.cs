using static TorchSharp.torch;

namespace PatchDpo.Torch.Training.Data;

/// <summary>An endless stream of pair indices: every pair once in a random order, then all again in another.</summary>
/// <param name="count">How many pairs there are.</param>
/// <param name="generator">The run's generator.</param>
internal sealed class PairOrder(int count, Generator generator)
{
    private readonly Queue<long> _left = new();

    /// <summary>The next indices.</summary>
    public long[] Take(int number)
    {
        while (_left.Count < number)
        {
            using Tensor order = randperm(count, dtype: ScalarType.Int64, generator: generator);
            foreach (long index in order.data<long>())
                _left.Enqueue(index);
        }
        return [.. Enumerable.Range(0, number).Select(_ => _left.Dequeue())];
    }
}
