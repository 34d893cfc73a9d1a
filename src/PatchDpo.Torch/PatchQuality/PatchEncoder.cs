using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Vision;
using PatchDpo.Torch.Weights;
using static TorchSharp.torch;

namespace PatchDpo.Torch.PatchQuality;

/// <summary>Opens the image encoders that patch quality can be computed with.</summary>
public static class PatchEncoder
{
    /// <summary>Opens an encoder by what its <c>config.json</c> says that it is: <c>model_type</c>, or <c>architectures</c> where that is missing.</summary>
    /// <param name="folder">A DINO ("vit", "dino") or DINOv2 ("dinov2", "dinov2_with_registers") vision transformer, or a CLIP image encoder ("clip_vision_model", "clip"), in Hugging Face's layout.</param>
    /// <param name="device">Where the weights go; default: the CPU.</param>
    /// <param name="dtype">The weights' type; default: float32.</param>
    /// <returns>The encoder, set to evaluation; the caller disposes it.</returns>
    /// <exception cref="ModelFileNotFoundException">A file is missing.</exception>
    /// <exception cref="ModelConfigException">The configuration is malformed, or the model is of another kind.</exception>
    /// <exception cref="WeightsFormatException">The weight file is malformed.</exception>
    /// <exception cref="StateDictMismatchException">The weights do not fit the configuration.</exception>
    public static IVisionEncoder FromFolder(string folder, Device? device = null, ScalarType? dtype = null)
    {
        ModelConfig config = ModelConfig.Read(ModelFolder.RequireFile(folder, "config.json"));
        string field = config.Has("model_type") ? "model_type" : "architectures";
        string kind = field == "model_type" ? config.GetString(field) : config.GetStringArray(field).FirstOrDefault("");
        return kind switch
        {
            "vit" or "dino" or "ViTModel" => DinoVisionTransformer.FromFolder(folder, device, dtype),
            "dinov2" or "dinov2_with_registers" or "Dinov2Model" or "Dinov2WithRegistersModel" => DinoV2VisionTransformer.FromFolder(folder, device, dtype),
            "clip" or "clip_vision_model" or "CLIPModel" or "CLIPVisionModel" or "CLIPVisionModelWithProjection" => ClipVisionEncoder.FromFolder(folder, device, dtype),
            _ => throw config.Fault(field, $"'{kind}' is no image encoder that can be opened; vision transformers (vit, dinov2, dinov2_with_registers) and CLIP's (clip, clip_vision_model) are."),
        };
    }

    /// <summary>Opens the small encoder that ships with this library: trained on procedural characters, 64 x 64 pixels, for examples and tests.</summary>
    /// <param name="device">Where the weights go; default: the CPU.</param>
    /// <returns>The encoder, set to evaluation; the caller disposes it.</returns>
    /// <exception cref="ModelFileNotFoundException">The model's files are not beside the assembly.</exception>
    public static IVisionEncoder LoadEmbedded(Device? device = null) => FromFolder(EmbeddedModels.PatchEncoder, device);
}
