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
    /// The most bytes of embeddings that each of DINO, CLIP and the encoder of subjects keeps during an evaluation, at least 0; what has not been used for
    /// longest goes first, and is encoded again where a later row shows it. Default: 64 MiB, room for 43,690 embeddings of DINO ViT-S/16. Patch features
    /// have a limit of their own (<see cref="Encoders.FeatureCacheOptions.MaxBytes"/>).
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 0.</exception>
    public long MaxCacheBytes
    {
        get;
        init => field = ArgumentRange.Within(value, 0);
    } = Encoders.EmbeddingCache.DefaultMaxBytes;

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
