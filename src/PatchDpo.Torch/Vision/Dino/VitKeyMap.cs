using System.Text.RegularExpressions;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Vision.Dino;

/// <summary>Hugging Face's names of a DINO or DINOv2 vision transformer (ViTModel, Dinov2Model) to facebookresearch's, which ours are.</summary>
internal static partial class VitKeyMap
{
    private static readonly (string Theirs, string Ours)[] Prefixes =
    [
        ("embeddings.cls_token", "cls_token"),
        ("embeddings.mask_token", "mask_token"),
        ("embeddings.register_tokens", "register_tokens"),
        ("embeddings.position_embeddings", "pos_embed"),
        ("embeddings.patch_embeddings.projection.", "patch_embed.proj."),
        ("layernorm.", "norm."),
    ];

    private static readonly (string Theirs, string Ours)[] LayerPrefixes =
    [
        ("layernorm_before.", "norm1."),
        ("layernorm_after.", "norm2."),
        ("norm1.", "norm1."),
        ("norm2.", "norm2."),
        ("attention.output.dense.", "attn.proj."),
        ("intermediate.dense.", "mlp.fc1."),
        ("output.dense.", "mlp.fc2."),
        ("mlp.fc1.", "mlp.fc1."),
        ("mlp.fc2.", "mlp.fc2."),
        ("layer_scale1.lambda1", "ls1.gamma"),
        ("layer_scale2.lambda1", "ls2.gamma"),
    ];

    /// <summary>
    /// The source under facebookresearch's names: itself, or mapped where its keys are Hugging Face's, or those of DINOv2's training, which keeps its
    /// blocks in chunks.
    /// </summary>
    public static ITensorSource Wrap(ITensorSource source)
    {
        if (source.Keys.Any(k => Chunk().IsMatch(k)))
            return new MappedTensorSource(source, source.Keys.ToDictionary(k => Chunk().Replace(k, "blocks."), MappedTensor.Copy, StringComparer.Ordinal));
        if (!source.Keys.Contains("embeddings.cls_token"))
            return source;
        var map = new Dictionary<string, MappedTensor>(StringComparer.Ordinal);
        var present = source.Keys.ToHashSet(StringComparer.Ordinal);
        foreach (string key in source.Keys)
            Add(key, present, map);
        return new MappedTensorSource(source, map);
    }

    private static void Add(string key, HashSet<string> present, Dictionary<string, MappedTensor> map)
    {
        // Hugging Face's pooler is not a part of the published models: it has no trained weights.
        if (key.StartsWith("pooler.", StringComparison.Ordinal))
            return;
        Match layer = Layer().Match(key);
        if (!layer.Success)
        {
            map[Rename(key, Prefixes) ?? key] = MappedTensor.Copy(key);
            return;
        }

        string block = $"blocks.{layer.Groups["index"].ValueSpan}.", rest = layer.Groups["rest"].Value;
        Match attention = Attention().Match(rest);
        if (!attention.Success)
        {
            map[Rename(rest, LayerPrefixes) is string name ? block + name : key] = MappedTensor.Copy(key);
            return;
        }
        string kind = attention.Groups["kind"].Value;
        string[] parts = [.. new[] { "query", "key", "value" }.Select(p => key[..^rest.Length] + $"attention.attention.{p}.{kind}")];
        // An incomplete triple stays under its own names, so that the loader reports what is there and what is missing.
        if (parts.All(present.Contains))
            map[$"{block}attn.qkv.{kind}"] = new MappedTensor(MappedTensorKind.Stack, parts);
        else
            map[key] = MappedTensor.Copy(key);
    }

    private static string? Rename(string key, (string Theirs, string Ours)[] prefixes)
    {
        foreach ((string theirs, string ours) in prefixes)
            if (key.StartsWith(theirs, StringComparison.Ordinal))
                return ours + key[theirs.Length..];
        return null;
    }

    // Chunk, then block: blocks keep their number among all.
    [GeneratedRegex(@"^blocks\.\d+\.(?=\d+\.)", RegexOptions.CultureInvariant)]
    private static partial Regex Chunk();

    [GeneratedRegex(@"^encoder\.layer\.(?<index>\d+)\.(?<rest>.+)$", RegexOptions.CultureInvariant)]
    private static partial Regex Layer();

    [GeneratedRegex(@"^attention\.attention\.(query|key|value)\.(?<kind>weight|bias)$", RegexOptions.CultureInvariant)]
    private static partial Regex Attention();
}
