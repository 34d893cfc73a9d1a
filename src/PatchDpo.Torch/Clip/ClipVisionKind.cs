using System.Text.Json.Nodes;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Clip;

/// <summary>CLIP's vision transformer.</summary>
internal sealed class ClipVisionKind : EncoderKind
{
    private const string OpenAiAnchor = "visual.class_embedding";

    /// <inheritdoc/>
    public override IReadOnlyList<string> ModelTypes { get; } = ["clip", "clip_vision_model", "CLIPModel", "CLIPVisionModel", "CLIPVisionModelWithProjection"];

    /// <inheritdoc/>
    public override string ModelTypeHint => "CLIP's (clip, clip_vision_model)";

    /// <inheritdoc/>
    public override IReadOnlyList<(string Key, string Meaning)> Anchors { get; } =
    [
        (OpenAiAnchor, "CLIP's vision transformer under OpenAI's names"),
        ("vision_model.embeddings.class_embedding", "CLIP's vision transformer under Hugging Face's names"),
    ];

    /// <inheritdoc/>
    public override IVisionEncoder FromFolder(
        string folder, string modelType, ModelConfig config, Device? device, ScalarType? dtype, VisionEncoderOptions options)
    {
        options.RequireNoStage(folder);
        options.RequireImageSize(folder, ClipVisionConfig.FromJson(config).ImageSize);
        return ClipVisionEncoder.FromFolder(folder, device, dtype);
    }

    /// <inheritdoc/>
    public override IVisionEncoder FromState(ITensorSource state, string anchor, Device? device, ScalarType? dtype, VisionEncoderOptions options)
    {
        // ViT-H and OpenCLIP's models have other heads and another activation than OpenAI's, under the same names.
        if (anchor != OpenAiAnchor)
            throw new UnknownModelException(state.Path, null, "this is CLIP under Hugging Face's names, whose activation and attention heads only a "
                + "config.json tells: open its folder.");
        options.RequireNoStage(state.Path);
        state = ClipKeyMap.Wrap(state);
        ClipVisionConfig config = ClipVisionConfig.FromWeights(state);
        options.RequireImageSize(state.Path, config.ImageSize);
        return ModelWeights.Fill(
            new ClipVisionEncoder(config, TorchRuntime.Meta) { Preprocessor = new ClipPreprocessor(config.ImageSize) }, state,
            ClipKeyMap.IsOtherThan("vision"), device, dtype);
    }

    /// <inheritdoc/>
    public override bool Owns(IVisionEncoder encoder) => encoder is ClipVisionEncoder;

    /// <inheritdoc/>
    public override JsonObject Describe(IVisionEncoder encoder)
    {
        ClipVisionConfig c = ((ClipVisionEncoder)encoder).Config;
        JsonObject config = new()
        {
            ["model_type"] = "clip_vision_model",
            ["hidden_act"] = c.Activation == ClipActivation.QuickGelu ? "quick_gelu" : "gelu",
            ["hidden_size"] = c.HiddenSize,
            ["image_size"] = c.ImageSize,
            ["intermediate_size"] = c.IntermediateSize,
            ["layer_norm_eps"] = c.LayerNormEps,
            ["num_attention_heads"] = c.NumHeads,
            ["num_channels"] = 3,
            ["num_hidden_layers"] = c.NumLayers,
            ["patch_size"] = c.PatchSize,
        };
        // Where there is none, the weights tell.
        if (c.ProjectionDim is int dim)
            config["projection_dim"] = dim;
        return config;
    }
}
