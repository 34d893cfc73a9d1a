using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Evaluation;

/// <summary>Settings of <see cref="PersonalizationEvaluator"/>.</summary>
public sealed class PersonalizationEvaluatorOptions
{
    /// <summary>Which photos the rows hold: all of the subject's (Original, the default) or one chosen photo (Kosmos-G). The result carries it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not one of the settings.</exception>
    public DreamBenchSetting Setting
    {
        get;
        init => field = ArgumentRange.Member(value);
    }

    /// <summary>Rows encoded at once; 16 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than 1.</exception>
    public int BatchSize
    {
        get;
        init => field = ArgumentRange.Within(value, 1);
    } = 16;

    /// <summary>
    /// Whether patch quality counts only the references' foreground, found on their plain background (<see cref="PatchQuality.ForegroundMask"/>); off
    /// by default. A reference without a plain background counts whole.
    /// </summary>
    public bool MaskPlainBackground { get; init; }

    /// <summary>
    /// Whether a prompt that has more tokens than CLIP's text encoder takes is an error (<see cref="TruncatedPromptException"/>). Default false:
    /// CLIP-T is measured on its beginning, and told by <see cref="PersonalizationMetrics.TruncatedPrompts"/>.
    /// </summary>
    public bool RefuseTruncatedPrompts { get; init; }

    /// <summary>The seed that the images were generated with, carried by the result; null: unknown.</summary>
    public int? GenerationSeed { get; init; }
}
