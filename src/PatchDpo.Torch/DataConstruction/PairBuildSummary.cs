using PatchDpo.Torch.Encoders;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>What a finished build made.</summary>
/// <param name="Folder">The folder.</param>
/// <param name="References">Its references.</param>
/// <param name="Pairs">Its pairs.</param>
/// <param name="Candidates">Images drawn to be references.</param>
/// <param name="Rejected">How many of them are none, for each reason.</param>
/// <param name="ReusedCandidates">Candidates that earlier runs had drawn.</param>
/// <param name="ReusedPairs">Pairs that earlier runs had made.</param>
public sealed record PairBuildSummary(
    string Folder, int References, int Pairs, int Candidates, IReadOnlyDictionary<ReferenceRejection, int> Rejected, int ReusedCandidates, int ReusedPairs)
{
    /// <summary>The prompts of which the model's text encoder sees the beginning alone, by their places.</summary>
    public IReadOnlyList<TruncatedPrompt> TruncatedPrompts { get; init; } = [];
}
