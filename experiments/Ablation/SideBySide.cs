using System.Collections.Concurrent;

namespace Ablation;

/// <summary>Work on all processors.</summary>
internal static class SideBySide
{
    /// <summary>Runs <paramref name="work"/> for each item, in their order, as many at a time as there are processors.</summary>
    /// <returns>The results, in the items' order.</returns>
    public static TResult[] Run<TItem, TResult>(IReadOnlyList<TItem> items, Func<TItem, TResult> work)
    {
        var results = new TResult[items.Count];
        Parallel.ForEach(
            Partitioner.Create(Enumerable.Range(0, items.Count), EnumerablePartitionerOptions.NoBuffering),
            new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount },
            i => results[i] = work(items[i]));
        return results;
    }
}
