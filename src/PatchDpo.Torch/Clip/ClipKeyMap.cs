using System.Text.RegularExpressions;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Clip;

/// <summary>OpenAI's names of a CLIP model to Hugging Face's (CLIPModel), which ours are.</summary>
internal static partial class ClipKeyMap
{
    private const string Text = "text_model.", Vision = "vision_model.";

    private static readonly Dictionary<string, string> Names = new(StringComparer.Ordinal)
    {
        ["logit_scale"] = "logit_scale",
        ["token_embedding.weight"] = Text + "embeddings.token_embedding.weight",
        ["positional_embedding"] = Text + "embeddings.position_embedding.weight",
        ["ln_final.weight"] = Text + "final_layer_norm.weight",
        ["ln_final.bias"] = Text + "final_layer_norm.bias",
        ["visual.class_embedding"] = Vision + "embeddings.class_embedding",
        ["visual.positional_embedding"] = Vision + "embeddings.position_embedding.weight",
        ["visual.conv1.weight"] = Vision + "embeddings.patch_embedding.weight",
        ["visual.ln_pre.weight"] = Vision + "pre_layrnorm.weight",
        ["visual.ln_pre.bias"] = Vision + "pre_layrnorm.bias",
        ["visual.ln_post.weight"] = Vision + "post_layernorm.weight",
        ["visual.ln_post.bias"] = Vision + "post_layernorm.bias",
    };

    private static readonly Dictionary<string, string> Transposed = new(StringComparer.Ordinal)
    {
        ["text_projection"] = "text_projection.weight",
        ["visual.proj"] = "visual_projection.weight",
    };

    private static readonly Dictionary<string, string> LayerModules = new(StringComparer.Ordinal)
    {
        ["attn.out_proj"] = "self_attn.out_proj",
        ["ln_1"] = "layer_norm1",
        ["ln_2"] = "layer_norm2",
        ["mlp.c_fc"] = "mlp.fc1",
        ["mlp.c_proj"] = "mlp.fc2",
    };

    // Numbers, not weights, that OpenAI's archives carry along.
    private static readonly HashSet<string> Numbers = ["input_resolution", "context_length", "vocab_size"];

    /// <summary>The source under Hugging Face's names: itself, or mapped where its keys are OpenAI's.</summary>
    public static ITensorSource Wrap(ITensorSource source)
    {
        if (!source.Keys.Contains("visual.class_embedding") && !source.Keys.Contains("token_embedding.weight"))
            return source;
        var map = new Dictionary<string, MappedTensor>(StringComparer.Ordinal);
        foreach (string key in source.Keys)
            Add(key, map);
        return new MappedTensorSource(source, map);
    }

    /// <summary>Names that one tower's encoder may lack: the other tower's, the model's temperature, and buffers of old exports.</summary>
    /// <param name="tower">"text" or "vision".</param>
    public static Func<string, bool> IsOtherThan(string tower)
    {
        string[] others = tower == "text" ? [Vision, "visual_projection.", "logit_scale"] : [Text, "text_projection.", "logit_scale"];
        return name => IsBuffer(name) || others.Any(o => name.StartsWith(o, StringComparison.Ordinal));
    }

    /// <summary>Whether the name is a buffer that old exports carry along: the numbers 0, 1, 2, …</summary>
    public static bool IsBuffer(string name) => name.EndsWith(".embeddings.position_ids", StringComparison.Ordinal);

    private static void Add(string key, Dictionary<string, MappedTensor> map)
    {
        if (Numbers.Contains(key))
            return;
        if (Transposed.TryGetValue(key, out string? transposed))
        {
            map[transposed] = new MappedTensor(MappedTensorKind.Transpose, [key]);
            return;
        }
        Match layer = Layer().Match(key);
        string module = layer.Groups["module"].Value, kind = layer.Groups["kind"].Value;
        string prefix = $"{(layer.Groups["tower"].Success ? Vision : Text)}encoder.layers.{layer.Groups["index"].ValueSpan}.";
        if (layer.Success && module == "attn.in_proj")
        {
            string[] parts = ["q_proj", "k_proj", "v_proj"];
            for (int i = 0; i < parts.Length; i++)
                map[$"{prefix}self_attn.{parts[i]}.{kind}"] = new MappedTensor(MappedTensorKind.Third, [key], i);
        }
        else if (layer.Success && LayerModules.TryGetValue(module, out string? renamed))
        {
            map[$"{prefix}{renamed}.{kind}"] = MappedTensor.Copy(key);
        }
        else
        {
            map[Names.GetValueOrDefault(key, key)] = MappedTensor.Copy(key);
        }
    }

    // In the archives, in_proj_weight is one name, out_proj.weight two.
    [GeneratedRegex(@"^(?<tower>visual\.)?transformer\.resblocks\.(?<index>\d+)\.(?<module>.+)[._](?<kind>weight|bias)$", RegexOptions.CultureInvariant)]
    private static partial Regex Layer();
}
