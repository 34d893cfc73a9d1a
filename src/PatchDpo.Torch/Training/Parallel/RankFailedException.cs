using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Training.Parallel;

/// <summary>Another process of the group cannot go on, and told so; that process throws its own exception.</summary>
public sealed class RankFailedException : PatchDpoException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="rank">Which process.</param>
    /// <param name="problem">Its own message.</param>
    public RankFailedException(int rank, string problem) : base($"Rank {rank} failed: {problem}") => Rank = rank;

    /// <summary>Which process.</summary>
    public int Rank { get; }
}
