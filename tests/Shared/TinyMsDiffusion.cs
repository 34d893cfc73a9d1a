using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Tests;

/// <summary>Writes an adapter of MS-Diffusion for a tiny model, with the Resampler and the layers of its IP-Adapter-Plus.</summary>
internal static class TinyMsDiffusion
{
    private const int TextWidth = 12, BoxWidth = 64;

    /// <summary>Writes it beside the model's own adapter.</summary>
    /// <returns>The file.</returns>
    public static string WriteAdapter(string folder)
    {
        using DisposeScope scope = NewDisposeScope();
        random.manual_seed(5);
        using SafetensorsFile plus = SafetensorsFile.Open(Path.Combine(folder, "ip_adapter.safetensors"));
        Dictionary<string, Tensor> tensors = plus.ReadAll().ToDictionary(
            t => t.Key == "image_proj.latents" ? "image_proj.grounding_latents" : t.Key.Replace("ip_adapter.", "ms_adapter.", StringComparison.Ordinal),
            t => t.Value);
        (long queries, long width) = (tensors["image_proj.grounding_latents"].shape[1], tensors["image_proj.grounding_latents"].shape[2]);
        long hidden = 2 * (TextWidth + BoxWidth);
        tensors.Add("image_proj.latent_proj.0.weight", randn(hidden, TextWidth + BoxWidth) / 8);
        tensors.Add("image_proj.latent_proj.0.bias", randn(hidden) / 5);
        tensors.Add("image_proj.latent_proj.2.weight", randn(queries * width, hidden) / 10);
        tensors.Add("image_proj.latent_proj.2.bias", randn(queries * width) / 5);
        foreach (string norm in new[] { "latent_norm", "attention_norm" })
        {
            tensors.Add($"image_proj.{norm}.weight", 1 + (randn(width) / 10));
            tensors.Add($"image_proj.{norm}.bias", randn(width) / 10);
        }
        tensors.Add("dummy_image_tokens", randn(1, 4, tensors["image_proj.proj_out.weight"].shape[0]));
        string path = Path.Combine(folder, "ms_adapter.safetensors");
        SafetensorsWriter.Write(path, tensors, plus.Metadata.ToDictionary());
        return path;
    }
}
