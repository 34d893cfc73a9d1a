using PatchDpo.Torch.Encoders;

namespace PatchDpo.Torch.Personalization;

/// <summary>How far a generation run is.</summary>
/// <param name="CompletedImages">Images of finished batches.</param>
/// <param name="TotalImages">All images of the run.</param>
/// <param name="Step">Finished sampling steps of the current batch.</param>
/// <param name="Steps">Sampling steps of a batch.</param>
public sealed record GenerationProgress(int CompletedImages, int TotalImages, int Step, int Steps)
{
    /// <summary>The prompts of the run of which the text encoder sees the beginning alone, the negative prompt included; the same list at every step.</summary>
    public IReadOnlyList<TruncatedPrompt> TruncatedPrompts { get; init; } = [];

    /// <summary>What else is worth a warning: what the adapter's family has to say of the requests' references; the same list at every step.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}
