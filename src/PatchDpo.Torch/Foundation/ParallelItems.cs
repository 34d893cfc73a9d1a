using System.Runtime.ExceptionServices;

namespace PatchDpo.Torch.Foundation;

/// <summary>Plain work on the items of a list, by all processors.</summary>
internal static class ParallelItems
{
    /// <summary>Does something for each index from 0 on; of several that fail, the first one's exception comes through as it is.</summary>
    public static void For(int count, Action<int> action)
    {
        if (count <= 1)
        {
            if (count == 1)
                action(0);
            return;
        }
        var failures = new ExceptionDispatchInfo?[count];
        Parallel.For(0, count, i =>
        {
            try
            {
                action(i);
            }
            catch (Exception e)
            {
                failures[i] = ExceptionDispatchInfo.Capture(e);
            }
        });
        failures.FirstOrDefault(f => f is not null)?.Throw();
    }
}
