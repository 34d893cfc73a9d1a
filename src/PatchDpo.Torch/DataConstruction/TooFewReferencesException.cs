using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>Too few of the drawn candidates became references.</summary>
public sealed class TooFewReferencesException : PatchDpoException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="references">How many there are.</param>
    /// <param name="wanted">How many were asked for.</param>
    /// <param name="candidates">How many candidates were drawn.</param>
    /// <param name="rejected">How many of them were rejected, for each reason.</param>
    public TooFewReferencesException(int references, int wanted, int candidates, IReadOnlyDictionary<ReferenceRejection, int> rejected)
        : base($"Only {references} of {wanted} references were found among {candidates} candidates "
            + $"({string.Join(", ", rejected.Select(r => $"{r.Key}: {r.Value}"))}). "
            + "Look at the rejected pictures, then change the filter or the prompts, or raise the limit of candidates.")
    {
        References = references;
        Candidates = candidates;
        Rejected = rejected;
    }

    /// <summary>How many references there are.</summary>
    public int References { get; }

    /// <summary>How many candidates were drawn.</summary>
    public int Candidates { get; }

    /// <summary>How many of them were rejected, for each reason.</summary>
    public IReadOnlyDictionary<ReferenceRejection, int> Rejected { get; }
}
