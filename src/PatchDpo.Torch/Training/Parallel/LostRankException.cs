using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Training.Parallel;

/// <summary>A process of a group did not answer within the time that it is given: it died, hangs, or is slower than that.</summary>
public sealed class LostRankException : PatchDpoException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="ranks">Who does not answer; empty: all do, but what they do together does not end.</param>
    /// <param name="timeout">How long they were waited for.</param>
    public LostRankException(IReadOnlyList<int> ranks, TimeSpan timeout) : base(ranks.Count == 0
        ? $"All ranks answer, but what they do together has not ended within {timeout.TotalSeconds:0.#} s: the network fails, or the ranks do different things."
        : $"{(ranks.Count == 1 ? "Rank" : "Ranks")} {string.Join(", ", ranks)} did not answer within {timeout.TotalSeconds:0.#} s: dead, hanging, or slower than "
            + "that. What was saved is whole; run the same command to go on from it.")
    {
        Ranks = ranks;
        Timeout = timeout;
    }

    /// <summary>Who does not answer.</summary>
    public IReadOnlyList<int> Ranks { get; }

    /// <summary>How long they were waited for.</summary>
    public TimeSpan Timeout { get; }
}
