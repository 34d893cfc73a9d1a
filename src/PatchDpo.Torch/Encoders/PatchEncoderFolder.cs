using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Vision.Cnn;
using PatchDpo.Torch.Vision.Dino;
using PatchDpo.Torch.Weights.Safetensors;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Encoders;

/// <summary>Writes encoders as <see cref="PatchEncoder.FromFolder"/> reads them.</summary>
internal static class PatchEncoderFolder
{
    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    public static void Write(IVisionEncoder encoder, string folder)
    {
        PatchHeadEncoder? headed = encoder as PatchHeadEncoder;
        IVisionEncoder below = headed?.Encoder ?? encoder;
        JsonObject? config = Config(below);
        Directory.CreateDirectory(folder);
        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), ((nn.Module)below).state_dict(),
            new Dictionary<string, string> { ["format"] = "pt" });
        // What another encoder left there would speak of the wrong one.
        string configPath = Path.Combine(folder, "config.json"), head = Path.Combine(folder, PatchHeadEncoder.FileName);
        if (config is null)
            File.Delete(configPath);
        else
            AtomicFile.Write(configPath, stream => stream.Write(Encoding.UTF8.GetBytes(config.ToJsonString(s_indented) + "\n")));
        if (headed is not null)
            headed.WriteHead(head);
        else
            File.Delete(head);
    }

    /// <summary>The configuration under transformers' names; null for convolutional networks, whose weights tell all.</summary>
    private static JsonObject? Config(IVisionEncoder encoder) => encoder switch
    {
        ConvolutionalEncoder => null,
        DinoVisionTransformer { Config: DinoConfig c } => Vit(c, "vit", new() { ["intermediate_size"] = c.IntermediateSize }),
        DinoV2VisionTransformer { Config: DinoV2Config { LayerScale: double scale } c }
            => Vit(c, c.RegisterTokens > 0 ? "dinov2_with_registers" : "dinov2", new()
        {
            ["mlp_ratio"] = Ratio(c.IntermediateSize, c.EmbedDim),
            ["layerscale_value"] = scale,
            ["num_register_tokens"] = c.RegisterTokens,
            ["use_swiglu_ffn"] = false,
        }),
        ClipVisionEncoder { Config: ClipVisionConfig c } => Clip(c),
        _ => throw new ArgumentException($"{encoder.GetType().Name} is no encoder that this library can write.", nameof(encoder)),
    };

    private static JsonObject Vit(VitConfig c, string kind, JsonObject config)
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

    private static JsonObject Clip(ClipVisionConfig c)
    {
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

    // The reader rounds width times ratio down.
    private static double Ratio(int hidden, int width)
    {
        double ratio = (double)hidden / width;
        return (int)(width * ratio) == hidden ? ratio : double.BitIncrement(ratio);
    }
}
