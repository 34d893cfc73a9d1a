namespace PatchDpo.Torch.DataConstruction;

/// <summary>A line of the journal: the header, a batch of candidates, or a group of samples with the maps of their pairs.</summary>
/// <param name="Header">On the first line.</param>
/// <param name="Candidates">Candidates whose files are on the disk.</param>
/// <param name="Samples">Samples whose files are on the disk.</param>
/// <param name="Maps">The maps of their pairs, sample by sample.</param>
internal sealed record JournalLine(
    PairHeader? Header = null, IReadOnlyList<CandidateRecord>? Candidates = null, IReadOnlyList<SampleRecord>? Samples = null,
        IReadOnlyList<MapsRecord>? Maps = null);
