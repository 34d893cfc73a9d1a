using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Clip;

/// <summary>The shape of a CLIP vision encoder.</summary>
/// <remarks>The JSON fields are those of Hugging Face's <c>CLIPVisionConfig</c>.</remarks>
public sealed record ClipVisionConfig : ClipTransformerConfig
{
    /// <summary>Side of the square images, in pixels.</summary>
    public required int ImageSize { get; init => field = ArgumentRange.Within(value, 1); }

    /// <summary>Side of a patch, in pixels.</summary>
    public required int PatchSize { get; init => field = ArgumentRange.Within(value, 1); }

    /// <summary>Patches along a side.</summary>
    internal int GridSize => ImageSize / PatchSize;

    internal override void Validate()
    {
        base.Validate();
        if (ImageSize < PatchSize)
            throw new ArgumentException($"An image of {ImageSize} pixels is smaller than a patch of {PatchSize}.");
    }

    /// <summary>Reads Hugging Face's <c>CLIPVisionConfig</c> fields, or those under <c>vision_config</c> of a whole model's <c>CLIPConfig</c>.</summary>
    /// <param name="json">A <c>config.json</c>.</param>
    /// <remarks>A whole model's file may leave out what has transformers' default value; a vision encoder's own file gives its shape.</remarks>
    /// <exception cref="ModelConfigException">A field is missing or has a value that the model cannot take.</exception>
    public static ClipVisionConfig FromJson(ModelConfig json)
    {
        ArgumentNullException.ThrowIfNull(json);
        bool nested = json.IsObject("vision_config");
        ModelConfig c = Fields(json);
        c.RequireKind("model_type", "clip_vision_model", "clip");
        int dim = c.GetPositive("hidden_size", nested ? 768 : null);
        int patch = c.GetSide("patch_size", nested ? 32 : null), image = c.GetSide("image_size", nested ? 224 : null);
        if (c.GetInt32("num_channels", 3) is not 3 and int channels)
            throw c.Fault("num_channels", $"expected 3, found {channels}.");
        if (image < patch)
            throw c.Fault("image_size", $"an image of {image} pixels is smaller than a patch of {patch}.");
        return new ClipVisionConfig
        {
            HiddenSize = dim,
            IntermediateSize = c.GetPositive("intermediate_size", nested ? 3072 : null),
            NumLayers = c.GetPositive("num_hidden_layers", nested ? 12 : null, ConfigFields.MaxLayers),
            NumHeads = c.GetHeads("num_attention_heads", dim, nested ? 12 : null),
            ImageSize = image,
            PatchSize = patch,
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
        fields.RequireNumbersFor(("image_size", 1 + ((long)GridSize * GridSize)), ("hidden_size", HiddenSize), weights);
    }

    private static ModelConfig Fields(ModelConfig json) => json.IsObject("vision_config") ? json.GetObject("vision_config") : json;

    /// <summary>Reads the shape off a state dict under Hugging Face's names; what it does not tell is as in OpenAI's models.</summary>
    /// <exception cref="UnknownModelException">A tensor is missing or has another shape.</exception>
    internal static ClipVisionConfig FromWeights(ITensorSource state)
    {
        const string token = "vision_model.embeddings.class_embedding", table = "vision_model.embeddings.position_embedding.weight",
            projection = "visual_projection.weight";
        int dim = state.Dimensions(token, [null])[0];
        int patch = state.Dimensions("vision_model.embeddings.patch_embedding.weight", dim, 3, null, null)[2];
        return new ClipVisionConfig
        {
            HiddenSize = dim,
            IntermediateSize = state.Dimensions("vision_model.encoder.layers.0.mlp.fc1.weight", null, dim)[0],
            NumLayers = state.CountModules("vision_model.encoder.layers.{0}.layer_norm1.weight"),
            NumHeads = state.Heads(token, dim),
            ImageSize = state.GridSide(table, state.Dimensions(table, null, dim)[0]) * patch,
            PatchSize = patch,
            Activation = ClipActivation.QuickGelu,
            ProjectionDim = state.Keys.Contains(projection) ? state.Dimensions(projection, null, dim)[0] : null,
        };
    }
}
