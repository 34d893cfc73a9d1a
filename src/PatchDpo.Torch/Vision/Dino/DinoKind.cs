using System.Text.Json.Nodes;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Vision.Dino;

/// <summary>DINO and DINOv2, with and without registers.</summary>
internal sealed class DinoKind : EncoderKind
{
    private static readonly string[] First = ["vit", "dino", "ViTModel"];
    private static readonly string[] Second = ["dinov2", "dinov2_with_registers", "Dinov2Model", "Dinov2WithRegistersModel"];

    /// <inheritdoc/>
    public override IReadOnlyList<string> ModelTypes { get; } = [.. First, .. Second];

    /// <inheritdoc/>
    public override string ModelTypeHint => "vision transformers (vit, dinov2, dinov2_with_registers)";

    /// <inheritdoc/>
    public override IReadOnlyList<(string Key, string Meaning)> Anchors { get; } =
    [
        ("blocks.0.attn.qkv.weight", "DINO or DINOv2"),
        ("blocks.0.0.attn.qkv.weight", "DINOv2 as its training saves it"),
        ("embeddings.patch_embeddings.projection.weight", "DINO or DINOv2 under Hugging Face's names"),
    ];

    /// <inheritdoc/>
    public override IVisionEncoder FromFolder(
        string folder, string modelType, ModelConfig config, Device? device, ScalarType? dtype, VisionEncoderOptions options)
    {
        options.RequireNoStage(folder);
        return First.Contains(modelType)
            ? DinoVisionTransformer.FromFolder(folder, device, dtype, Preprocessor(options))
            : DinoV2VisionTransformer.FromFolder(folder, device, dtype, Preprocessor(options));
    }

    /// <inheritdoc/>
    public override IVisionEncoder FromState(ITensorSource state, string anchor, Device? device, ScalarType? dtype, VisionEncoderOptions options)
    {
        options.RequireNoStage(state.Path);
        state = VitKeyMap.Wrap(state);
        IImagePreprocessor preprocessor = Preprocessor(options)!;
        // Every DINOv2 model scales its blocks' branches; no DINO model does.
        return state.Keys.Contains("blocks.0.ls1.gamma")
            ? ModelWeights.Fill(new DinoV2VisionTransformer(DinoV2Config.FromWeights(state), TorchRuntime.Meta) { Preprocessor = preprocessor }, state,
                ignore: null, device, dtype)
            : ModelWeights.Fill(new DinoVisionTransformer(DinoConfig.FromWeights(state), TorchRuntime.Meta) { Preprocessor = preprocessor }, state,
                ignore: null, device, dtype);
    }

    /// <inheritdoc/>
    public override bool Owns(IVisionEncoder encoder) => encoder is DinoVisionTransformer or DinoV2VisionTransformer;

    /// <inheritdoc/>
    public override JsonObject Describe(IVisionEncoder encoder)
    {
        if (encoder is DinoVisionTransformer { Config: DinoConfig first })
            return Describe(first, "vit", new() { ["intermediate_size"] = first.IntermediateSize });
        DinoV2Config second = ((DinoV2VisionTransformer)encoder).Config;
        if (second.LayerScale is not double scale)
            throw new ArgumentException("A DINOv2 model without layer scale cannot be written: no configuration says so.", nameof(encoder));
        return Describe(second, second.RegisterTokens > 0 ? "dinov2_with_registers" : "dinov2", new()
        {
            ["mlp_ratio"] = Ratio(second.IntermediateSize, second.EmbedDim),
            ["layerscale_value"] = scale,
            ["num_register_tokens"] = second.RegisterTokens,
            ["use_swiglu_ffn"] = false,
        });
    }

    private static IImagePreprocessor? Preprocessor(VisionEncoderOptions options) => options.ImageSize is int size ? DinoPreprocessor.ForSize(size) : null;

    private static JsonObject Describe(VitConfig c, string kind, JsonObject config)
    {
        config["model_type"] = kind;
        config["hidden_act"] = "gelu";
        config["hidden_size"] = c.EmbedDim;
        config["image_size"] = c.ImageSize;
        config["layer_norm_eps"] = c.NormEps;
        config["num_attention_heads"] = c.NumHeads;
        config["num_channels"] = 3;
        config["num_hidden_layers"] = c.Depth;
        config["patch_size"] = c.PatchSize;
        config["qkv_bias"] = c.QkvBias;
        return config;
    }

    // The reader rounds width times ratio down.
    private static double Ratio(int hidden, int width)
    {
        double ratio = (double)hidden / width;
        return (int)(width * ratio) == hidden ? ratio : double.BitIncrement(ratio);
    }
}
