using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Clip;

/// <summary>The shape of a CLIP text encoder.</summary>
/// <remarks>The JSON fields are those of Hugging Face's <c>CLIPTextConfig</c>.</remarks>
public sealed record ClipTextConfig : ClipTransformerConfig
{
    // In configurations older than transformers 4.24 the field holds this meaningless value; pooling is by the largest id then.
    private const int LegacyEosTokenId = 2;

    /// <summary>How many token ids there are.</summary>
    public required int VocabularySize { get; init => field = ArgumentRange.Within(value, 1); }

    /// <summary>The longest sequence. Default: 77, as in every published CLIP model.</summary>
    public int MaxPositions { get; init => field = ArgumentRange.Within(value, 1); } = 77;

    /// <summary>The end token's id, at whose first occurrence the text is pooled; 2 (the default) means the largest id of the sequence.</summary>
    /// <remarks>Source: transformers <c>modeling_clip.py</c>; openai/CLIP always takes the largest id.</remarks>
    public int EosTokenId { get; init; } = LegacyEosTokenId;

    /// <summary>Whether the pooled position is that of the largest id.</summary>
    internal bool PoolsAtLargestId => EosTokenId == LegacyEosTokenId;

    /// <summary>Reads Hugging Face's <c>CLIPTextConfig</c> fields, or those under <c>text_config</c> of a whole model's <c>CLIPConfig</c>.</summary>
    /// <param name="json">A <c>config.json</c>.</param>
    /// <remarks>A whole model's file may leave out what has transformers' default value; a text encoder's own file gives its shape.</remarks>
    /// <exception cref="ModelConfigException">A field is missing or has a value that the model cannot take.</exception>
    public static ClipTextConfig FromJson(ModelConfig json)
    {
        ArgumentNullException.ThrowIfNull(json);
        bool nested = json.IsObject("text_config");
        ModelConfig c = Fields(json);
        c.RequireKind("model_type", "clip_text_model", "clip");
        int dim = c.GetPositive("hidden_size", nested ? 512 : null), vocabulary = c.GetPositive("vocab_size", nested ? 49408 : null);
        int end = c.GetInt32("eos_token_id", LegacyEosTokenId);
        if (end != LegacyEosTokenId && (end < 0 || end >= vocabulary))
            throw c.Fault("eos_token_id", $"{end} is no id of a vocabulary of {vocabulary}.");
        return new ClipTextConfig
        {
            HiddenSize = dim,
            IntermediateSize = c.GetPositive("intermediate_size", nested ? 2048 : null),
            NumLayers = c.GetPositive("num_hidden_layers", nested ? 12 : null, ConfigFields.MaxLayers),
            NumHeads = c.GetHeads("num_attention_heads", dim, nested ? 8 : null),
            VocabularySize = vocabulary,
            MaxPositions = c.GetPositive("max_position_embeddings", 77),
            EosTokenId = end,
            Activation = ReadActivation(c),
            LayerNormEps = c.GetEpsilon("layer_norm_eps", 1e-5),
            ProjectionDim = ReadProjectionDim(json),
        };
    }

    /// <summary>Checks that the weights hold layers and embeddings as many as the file asks for.</summary>
    /// <exception cref="ModelConfigException">They cannot.</exception>
    internal void CheckCounts(ModelConfig json, ITensorSource weights)
    {
        ModelConfig fields = Fields(json);
        fields.RequireTensorsFor("num_hidden_layers", NumLayers, weights);
        fields.RequireNumbersFor(("vocab_size", VocabularySize), ("hidden_size", HiddenSize), weights);
        fields.RequireNumbersFor(("max_position_embeddings", MaxPositions), ("hidden_size", HiddenSize), weights);
    }

    private static ModelConfig Fields(ModelConfig json) => json.IsObject("text_config") ? json.GetObject("text_config") : json;
}
