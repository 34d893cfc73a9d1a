using System.Diagnostics;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Training.Parallel;

namespace PatchDpo.Tool.Shards;

/// <summary>Work in parts: by one process, or by shards whose results are merged.</summary>
/// <param name="plan">What this process does of which command.</param>
/// <param name="output">The command's output folder.</param>
/// <param name="settings">Program, options, models and data; asked for by shards alone.</param>
internal sealed class ShardedWork(ShardPlan plan, string output, Func<SortedDictionary<string, string>> settings)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    /// <summary>Does this process's parts; one part's result depends on nothing but the part.</summary>
    /// <param name="parts">How many there are.</param>
    /// <param name="compute">Computes a part. What it gives must come back from JSON as it was.</param>
    /// <param name="cancellationToken">Looked at before each part.</param>
    /// <returns>All parts' results in order; null where this process was to do its shard alone, and did.</returns>
    /// <exception cref="InputException">The folder is of other work, or, where it is to be merged, lacks parts.</exception>
    /// <exception cref="LostRankException">Under mpirun: a rank's parts do not get done.</exception>
    public IReadOnlyList<T>? Run<T>(int parts, Func<int, T> compute, CancellationToken cancellationToken)
    {
        if (plan.Shard is not { } shard)
        {
            var all = new List<T>(parts);
            for (int part = 0; part < parts; part++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                all.Add(compute(part));
            }
            return all;
        }
        using var folder = new ShardFolder(output);
        SortedDictionary<string, string> work = settings();
        foreach ((string name, string value) in plan.Computing)
            work[name] = value;
        new ShardManifest(plan.Command, Environment.CurrentDirectory, parts, work).Agree(folder.FullName);
        folder.Refresh();
        if (!shard.Merges)
        {
            Work(folder, parts, shard, compute, cancellationToken);
            if (!shard.IsRank)
            {
                Console.WriteLine($"shard {shard.Index}/{shard.Count} is done; {folder.Done} of {parts} parts are in '{folder.FullName}'. "
                    + $"When all are: patchdpo merge {output}");
                return null;
            }
            WaitForRanks(folder, parts, shard, cancellationToken);
            if (shard.Index > 0)
                return null;
        }
        if (folder.Done < parts)
        {
            throw new InputException($"'{folder.FullName}' has {folder.Done} of {parts} parts, and lacks {Missing(folder, parts).First()}: "
                + "run the shards that did not come to their end again.");
        }
        return [.. Enumerable.Range(0, parts).Select(folder.Read<T>)];
    }

    private static void Work<T>(ShardFolder folder, int parts, ShardChoice shard, Func<int, T> compute, CancellationToken cancellationToken)
    {
        folder.Open(shard);
        foreach (int part in Missing(folder, parts).Where(p => shard.OwnerOf(p) == shard.Index).ToArray())
        {
            cancellationToken.ThrowIfCancellationRequested();
            // Shards of another division may have done it meanwhile.
            folder.Refresh();
            if (!folder.Has(part))
                folder.Add(part, compute(part));
        }
        folder.Refresh();
    }

    private static void WaitForRanks(ShardFolder folder, int parts, ShardChoice shard, CancellationToken cancellationToken)
    {
        var still = Stopwatch.StartNew();
        for (int before = folder.Done; folder.Done < parts; before = folder.Done)
        {
            if (cancellationToken.WaitHandle.WaitOne(Pause))
                cancellationToken.ThrowIfCancellationRequested();
            folder.Refresh();
            if (folder.Done > before)
                still.Restart();
            else if (still.Elapsed > shard.Timeout)
                throw new LostRankException([.. Missing(folder, parts).Select(shard.OwnerOf).Distinct().Order()], shard.Timeout);
        }
    }

    private static IEnumerable<int> Missing(ShardFolder folder, int parts) => Enumerable.Range(0, parts).Where(p => !folder.Has(p));
}
