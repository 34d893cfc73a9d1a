namespace PatchDpo.Torch.Text;

/// <summary>The shape of a CLIP text encoder.</summary>
/// <remarks>The JSON fields are those of Hugging Face's <c>CLIPTextConfig</c>.</remarks>
public sealed record ClipTextConfig : ClipTransformerConfig
{
    // In configurations older than transformers 4.24 the field holds this meaningless value; pooling is by the largest id then.
    private const int LegacyEosTokenId = 2;

    /// <summary>How many token ids there are.</summary>
    public required int VocabularySize { get; init => field = Positive(value, nameof(VocabularySize)); }

    /// <summary>The longest sequence. Default: 77, as in every published CLIP model.</summary>
    public int MaxPositions { get; init => field = Positive(value, nameof(MaxPositions)); } = 77;

    /// <summary>The end token's id, at whose first occurrence the text is pooled; 2 (the default) means the largest id of the sequence.</summary>
    /// <remarks>Source: transformers <c>modeling_clip.py</c>; openai/CLIP always takes the largest id.</remarks>
    public int EosTokenId { get; init; } = LegacyEosTokenId;

    /// <summary>Whether the pooled position is that of the largest id.</summary>
    internal bool PoolsAtLargestId => EosTokenId == LegacyEosTokenId;
}
