using System.Text.RegularExpressions;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Diffusion.Vae;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Weights;
using static TorchSharp.torch;

namespace PatchDpo.Tests;

/// <summary>Puts a tiny model's folder into one file under Stability AI's names.</summary>
internal static partial class SmallSingleFile
{
    /// <summary>The sizes, which no published family has.</summary>
    public static SingleFileLayout Layout(string folder)
    {
        bool isXl = Directory.Exists(Path.Combine(folder, "text_encoder_2"));
        return new SingleFileLayout
        {
            UNet = UNetConfig.FromJson(Config(folder, "unet")),
            Vae = VaeConfig.FromJson(Config(folder, "vae")),
            Text = ClipTextConfig.FromJson(Config(folder, "text_encoder")) with { ProjectionDim = null },
            SecondText = isXl ? ClipTextConfig.FromJson(Config(folder, "text_encoder_2")) : null,
            Scheduler = File.ReadAllText(Path.Combine(folder, "scheduler", "scheduler_config.json")),
        };
    }

    /// <summary>The tensors of all parts but adapter and image encoder.</summary>
    public static Dictionary<string, Tensor> Tensors(string folder)
    {
        SingleFileLayout layout = Layout(folder);
        Dictionary<string, Tensor> all = new() { ["model_ema.decay"] = ones(1), ["alphas_cumprod"] = ones(5) };
        foreach ((string key, Tensor value) in Part(folder, "unet"))
            all.Add("model.diffusion_model." + LdmKeyMap.UNetKey(layout.UNet, key), value);
        foreach ((string key, Tensor value) in Part(folder, "vae"))
            all.Add("first_stage_model." + LdmKeyMap.VaeKey(layout.Vae, key), key.Contains(".attentions.", StringComparison.Ordinal) && value.dim() == 2
                ? value.unsqueeze(-1).unsqueeze(-1) : value);
        foreach ((string key, Tensor value) in Part(folder, "text_encoder"))
            all.Add((layout.SecondText is null ? "cond_stage_model.transformer." : "conditioner.embedders.0.transformer.") + key, value);
        if (layout.SecondText is not null)
        {
            foreach ((string key, Tensor value) in OpenClip(Part(folder, "text_encoder_2")))
                all.Add("conditioner.embedders.1.model." + key, value);
        }
        return all;
    }

    // Hugging Face's names of a text encoder to OpenCLIP's, which stack queries, keys and values.
    private static Dictionary<string, Tensor> OpenClip(Dictionary<string, Tensor> text)
    {
        Dictionary<string, Tensor> all = new() { ["logit_scale"] = ones(1) };
        foreach ((string key, Tensor value) in text)
        {
            Match layer = Layer().Match(key);
            if (layer.Success && layer.Groups["part"].Value is "self_attn.q_proj")
            {
                string kind = layer.Groups["kind"].Value;
                all.Add($"transformer.resblocks.{layer.Groups["index"].Value}.attn.in_proj_{kind}",
                    cat([value, .. new[] { "k", "v" }.Select(p => text[key.Replace("q_proj", p + "_proj", StringComparison.Ordinal)])], 0));
            }
            else if (layer.Success && !layer.Groups["part"].Value.EndsWith("k_proj", StringComparison.Ordinal)
                && !layer.Groups["part"].Value.EndsWith("v_proj", StringComparison.Ordinal))
            {
                string part = layer.Groups["part"].Value switch { "self_attn.out_proj" => "attn.out_proj", "layer_norm1" => "ln_1", "layer_norm2"
                    => "ln_2", "mlp.fc1" => "mlp.c_fc", _ => "mlp.c_proj" };
                all.Add($"transformer.resblocks.{layer.Groups["index"].Value}.{part}.{layer.Groups["kind"].Value}", value);
            }
            else if (!layer.Success)
            {
                all.Add(
                    key switch
                    {
                        "text_model.embeddings.token_embedding.weight" => "token_embedding.weight",
                        "text_model.embeddings.position_embedding.weight" => "positional_embedding",
                        "text_projection.weight" => "text_projection",
                        _ => key.Replace("text_model.final_layer_norm", "ln_final", StringComparison.Ordinal),
                    },
                    key == "text_projection.weight" ? value.t().contiguous() : value);
            }
        }
        return all;
    }

    private static ModelConfig Config(string folder, string part) => ModelConfig.Read(Path.Combine(folder, part, "config.json"));

    private static Dictionary<string, Tensor> Part(string folder, string part)
    {
        using ITensorFile file = ModelFolder.OpenWeights(Path.Combine(folder, part));
        return file.Keys.ToDictionary(k => k, k => file.Read(k));
    }

    [GeneratedRegex(@"^text_model\.encoder\.layers\.(?<index>\d+)\.(?<part>.+)\.(?<kind>weight|bias)$", RegexOptions.CultureInvariant)]
    private static partial Regex Layer();
}
