using System.Diagnostics;
using PatchDpo.Torch.Training.Parallel;

namespace PatchDpo.Tool.Shards;

/// <summary>How long the other ranks are waited for while nothing changes.</summary>
/// <param name="timeout">How long.</param>
internal sealed class RankPatience(TimeSpan timeout)
{
    private readonly Stopwatch _still = Stopwatch.StartNew();
    private int[] _last = [];

    /// <summary>Something was done.</summary>
    public void Renew() => _still.Restart();

    /// <summary>Others are waited for at this moment.</summary>
    /// <param name="ranks">Who.</param>
    /// <exception cref="LostRankException">They have been waited for too long.</exception>
    public void WaitFor(IReadOnlyList<int> ranks)
    {
        if (!ranks.SequenceEqual(_last))
        {
            _last = [.. ranks];
            Renew();
        }
        if (_still.Elapsed > timeout)
            throw new LostRankException(ranks, timeout);
    }
}
