using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Adapters.IpAdapter;

/// <summary>
/// Tells what is wrong with a file that was given as an adapter, before anything is read: it is something else, a kind that takes other inputs, for
/// another family of models, or only a part.
/// </summary>
internal static class IpAdapterCheck
{
    private const string WhatToGive = "an IP-Adapter has keys 'image_proj.…' and 'ip_adapter.…'";

    // The width of a face's identity, which FaceID and InstantID take in place of an image.
    private const int FaceWidth = 512;

    private static readonly Dictionary<long, string> Families = new()
    {
        [768] = "Stable Diffusion 1.5",
        [1024] = "Stable Diffusion 2",
        [2048] = "SDXL",
        [4096] = "FLUX or Kolors",
    };

    /// <summary>Checks a file under the official names.</summary>
    /// <exception cref="UnknownModelException">It is no IP-Adapter, or one for faces.</exception>
    /// <exception cref="WeightsFormatException">One of its two parts has no tensor.</exception>
    /// <exception cref="StateDictMismatchException">It was made for a UNet of another family.</exception>
    public static void Run(ITensorFile file, UNetConfig config)
    {
        string[] projection = Under(file, IpAdapterFile.ProjectionPrefix), layers = Under(file, IpAdapterFile.LayersPrefix);
        if (projection.Length + layers.Length == 0)
            throw new UnknownModelException(file.Path, null, $"this is no IP-Adapter but {Kind(file)}; {WhatToGive}.");
        RefuseFaces(file, projection, layers);
        RequirePart(file, projection, IpAdapterFile.ProjectionPrefix, "image projection");
        RefuseOtherFamily(file, config);
    }

    /// <summary>Checks that the file has attention layers at all; to be asked once its projection is known to be sound.</summary>
    /// <exception cref="WeightsFormatException">It has none.</exception>
    public static void RequireLayers(ITensorFile file)
        => RequirePart(file, Under(file, IpAdapterFile.LayersPrefix), IpAdapterFile.LayersPrefix, "attention layers");

    private static void RefuseFaces(ITensorFile file, string[] projection, string[] layers)
    {
        bool isFace = layers.Any(TensorFileKind.IsLora)
            || projection.Any(k => k.Contains(".perceiver_resampler.", StringComparison.Ordinal))
            || TakesFace("proj.0.weight") || TakesFace("proj_in.weight");
        if (isFace)
        {
            throw new UnknownModelException(file.Path, null, "this is an IP-Adapter for faces (FaceID, InstantID), which takes a face's identity vector of "
                + "InsightFace in place of an image; "
                + "give a plain, Plus or Full IP-Adapter.");
        }

        bool TakesFace(string key) => file.Contains(IpAdapterFile.ProjectionPrefix + key) && file.Shape(IpAdapterFile.ProjectionPrefix + key) is [_, FaceWidth];
    }

    private static void RequirePart(ITensorFile file, string[] keys, string prefix, string part)
    {
        if (keys.Length == 0)
            throw new WeightsFormatException(
                file.Path, prefix[..^1], $"the adapter's {part} has no tensor in the file: this is only a part of an IP-Adapter; {WhatToGive}.");
    }

    // The width of the text, and so of the image prompt, tells the family.
    internal static void RefuseOtherFamily(ITensorFile file, UNetConfig config, string layersPrefix = IpAdapterFile.LayersPrefix)
    {
        long[] own = [.. config.AttentionLayers().Select(l => l.ContextChannels).OfType<int>().Select(w => (long)w).Distinct()];
        (string Key, long[] Shape)[] found = [.. Under(file, layersPrefix).Where(k => k.EndsWith(".to_k_ip.weight", StringComparison.Ordinal))
            .Select(k => (k, file.Shape(k)))];
        if (found.FirstOrDefault(f => f.Shape.Length == 2 && !own.Contains(f.Shape[1])) is not { Key: not null } other)
            return;
        throw new StateDictMismatchException(
            file.Path, [], [], [$"{KeyText.Quote(other.Key)}: the adapter has image prompts of width {other.Shape[1]}, the UNet text of width "
                + $"{string.Join(" or ", own)}"],
            $"the adapter is for {Family(other.Shape[1])}, the model is {Family(own[0])}; give an adapter of the model's family.");
    }

    private static string Family(long width)
        => Families.TryGetValue(width, out string? name) ? $"{name} (text of width {width})" : $"a network with text of width {width}";

    private static string Kind(ITensorFile file) => TensorFileKind.Describe(file)
        ?? (file.Keys.Count == 0 ? "a file without a tensor" : $"a file of {file.Keys.Count} tensors such as {KeyText.Quote(file.Keys[0])}");

    private static string[] Under(ITensorFile file, string prefix) => [.. file.Keys.Where(k => k.StartsWith(prefix, StringComparison.Ordinal))];
}
