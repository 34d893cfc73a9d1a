using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Evaluation;

/// <summary>Settings of <see cref="Concept101Evaluator"/>.</summary>
public sealed class Concept101EvaluatorOptions
{
    /// <summary>Which text CLIP-T compares a picture with. Default: its prompt; <see cref="Concept101CaptionRule.Official"/> compares with published figures.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not one of the rules.</exception>
    public Concept101CaptionRule CaptionRule { get; init => field = ArgumentRange.Member(value); }

    /// <summary>Pictures encoded at once; 16 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than 1.</exception>
    public int BatchSize { get; init => field = ArgumentRange.Within(value, 1); } = 16;

    /// <summary>Called with the number of pictures that are done.</summary>
    public IProgress<int>? Progress { get; init; }
}
