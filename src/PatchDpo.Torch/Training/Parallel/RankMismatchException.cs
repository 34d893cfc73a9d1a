using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Training.Parallel;

/// <summary>Two processes of a group were started with different programs, options, models or data; what they would make is of neither.</summary>
public sealed class RankMismatchException : PatchDpoException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="rank">Who differs from rank 0; of several, the first.</param>
    /// <param name="differences">What differs, as a list in words: the name, rank 0's value and the other's.</param>
    public RankMismatchException(int rank, string differences)
        : base($"Rank {rank} was started with something else than rank 0 ({differences}). Give all ranks the same program, options, model and data.")
    {
        Rank = rank;
        Differences = differences;
    }

    /// <summary>Who differs from rank 0.</summary>
    public int Rank { get; }

    /// <summary>What differs.</summary>
    public string Differences { get; }
}
