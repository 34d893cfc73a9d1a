using PatchDpo.Torch.Vision;
using PatchDpo.Torch.Weights;
using static TorchSharp.torch;

namespace PatchDpo.MLNet;

/// <summary>Opens an encoder folder by what its configuration says that it is.</summary>
internal static class VisionEncoderFolder
{
    /// <summary>Loads the encoder.</summary>
    /// <exception cref="ModelFileNotFoundException">A file is missing.</exception>
    /// <exception cref="ModelConfigException">The model is of no kind that this library knows.</exception>
    public static IVisionEncoder Open(string folder, Device device)
    {
        ModelConfig config = ModelConfig.Read(ModelFolder.RequireFile(folder, "config.json"));
        return config.GetString("model_type") switch
        {
            "vit" or "dino" => DinoVisionTransformer.FromFolder(folder, device),
            "dinov2" or "dinov2_with_registers" => DinoV2VisionTransformer.FromFolder(folder, device),
            "clip" or "clip_vision_model" => ClipVisionEncoder.FromFolder(folder, device),
            string other => throw new ModelConfigException(Path.Combine(folder, "config.json"), "model_type", $"'{other}' is not supported; vit, dinov2, dinov2_with_registers, clip and clip_vision_model are."),
        };
    }
}
