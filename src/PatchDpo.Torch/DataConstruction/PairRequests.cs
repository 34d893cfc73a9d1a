using PatchDpo.Torch.Images;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>What is asked of the generator for a data set: always the same batches, because an image depends on its batch in its last bits.</summary>
/// <param name="options">How the data set is built.</param>
/// <param name="prompts">What the references show.</param>
internal sealed class PairRequests(PairBuilderOptions options, IReadOnlyList<string> prompts)
{
    /// <summary>Candidates that are drawn together.</summary>
    public int CandidateBatch => options.ReferenceGeneration.BatchSize;

    /// <summary>References whose images are generated together.</summary>
    public int GroupSize => Math.Max(1, options.Generation.BatchSize / options.GenerationsPerReference);

    /// <summary>After how many candidates building gives up.</summary>
    public int MaxCandidates => options.MaxCandidates ?? (int)Math.Min(int.MaxValue, 10L * options.References);

    /// <summary>A batch of candidates.</summary>
    /// <param name="first">The first one, a multiple of <see cref="CandidateBatch"/>.</param>
    public GenerationRequest[] Candidates(int first) => [.. Enumerable.Range(first, CandidateBatch)
        .Select(c => new GenerationRequest(prompts[c % prompts.Count], []) { NoiseIndex = c })];

    /// <summary>The images of a reference.</summary>
    /// <param name="candidate">Which candidate it was.</param>
    /// <param name="prompt">Its prompt.</param>
    /// <param name="image">Its picture.</param>
    public IEnumerable<GenerationRequest> Pairs(int candidate, string prompt, ImageBuffer image)
        // Candidates' noise counts up from 0 and that of generated images down from -1, so that no image starts as its own reference did.
        => Enumerable.Range(0, options.GenerationsPerReference).Select(index => new GenerationRequest(prompt, [image])
        {
            NoiseIndex = -1 - (((long)candidate * options.GenerationsPerReference) + index),
        });
}
