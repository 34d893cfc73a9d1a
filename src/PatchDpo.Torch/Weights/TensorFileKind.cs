using System.Text.RegularExpressions;
using PatchDpo.Torch.Weights.Onnx;

namespace PatchDpo.Torch.Weights;

/// <summary>Says by its keys what a file of tensors is that was given in another's place.</summary>
internal static partial class TensorFileKind
{
    /// <summary>What <see cref="Describe"/> says of an IP-Adapter.</summary>
    public const string IpAdapter = "an IP-Adapter";

    /// <summary>What it says of MS-Diffusion's adapter.</summary>
    public const string MsDiffusion = "an adapter of MS-Diffusion";

    /// <summary>What <see cref="Describe"/> says of ELITE's mappers.</summary>
    public const string Elite = "ELITE, or one of its mappers";

    // What is within another comes before it: a LoRA's keys hold its network's.
    private static readonly (Regex Key, string Meaning)[] Kinds =
    [
        (Lora(), "a LoRA, which changes the weights of a network and takes no image; merge it into the model, or leave it out"),
        (new("exp_avg"), "the state of an optimizer, which a training script saves beside the weights"),
        (new("controlnet_|^control_model\\.|input_hint_block"), "a ControlNet"),
        (new("^(adapter\\.)?body\\.\\d+\\."), "a T2I-Adapter"),
        (new("string_to_param|^emb_params$|^clip_[lg]$|^<.+>$"), "a textual inversion, the embedding of a word"),
        (new("motion_modules"), "a motion module (AnimateDiff)"),
        (new("ip_adapter_proj_model|double_stream_k_proj"), "an IP-Adapter for FLUX"),
        (new("double_blocks\\.|single_transformer_blocks\\."), "FLUX, another architecture"),
        (new("joint_blocks\\."), "Stable Diffusion 3, another architecture"),
        (new("^ms_adapter\\."), MsDiffusion),
        (new("^image_proj(_model)?\\.|^ip_adapter\\.|^adapter_modules\\."), IpAdapter),
        (new("^((global|local)_mapper\\.)?mapping_(patch_)?\\d+\\."), Elite),
        (new("^first_stage_model\\."), "a whole Stable Diffusion model in one file"),
        (new("^(model\\.)?diffusion_model\\."), "a UNet alone, under Stability AI's names"),
        (new("^(unet\\.)?(down|up)_blocks\\."), "a UNet under diffusers' names"),
        (new("^(encoder|decoder)\\.(down|up|mid|conv_in|conv_out)"), "an autoencoder (VAE)"),
        (new("^vision_model\\."), "CLIP's image encoder"),
        (new("^text_model\\."), "a CLIP text encoder"),
        (new("^visual\\."), "a CLIP model under OpenAI's names"),
        (new("blocks\\.0\\.attn\\.qkv\\.|^embeddings\\.cls_token$"), "a vision transformer (DINO, DINOv2)"),
    ];

    /// <summary>What the file is, for a sentence; null where its keys are those of nothing known.</summary>
    public static string? Describe(ITensorSource file)
    {
        if (file is OnnxFile)
            return "an ONNX model, a compiled graph whose tensors have names of their own; give the model's PyTorch or safetensors file";
        foreach ((Regex key, string meaning) in Kinds)
        {
            if (file.Keys.Any(key.IsMatch))
                return meaning;
        }
        return null;
    }

    /// <summary>Whether a key is one of a LoRA, under any of the names that its makers give.</summary>
    public static bool IsLora(string key) => Lora().IsMatch(key);

    [GeneratedRegex(@"lora_(up|down|A|B|linear_layer|unet|te)|_lora\.|\.lora\.|(^|\.)(hada_w\d|lokr_w\d|dora_scale)", RegexOptions.CultureInvariant)]
    private static partial Regex Lora();
}
