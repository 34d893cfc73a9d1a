using System.Globalization;
using System.Text.RegularExpressions;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Adapters.IpAdapter;

/// <summary>The names that IP-Adapter's training scripts save under to those of the official files.</summary>
/// <remarks>
/// The scripts' module has <c>image_proj_model</c>, <c>adapter_modules</c> (numbered as in the files) and the UNet, whose attention
/// processors are the same tensors once more. Writers of safetensors keep a shared tensor under one name only, and newer versions
/// of accelerate keep the UNet's, so that <c>unet.….attn2.processor.to_k_ip.weight</c> stands for it.
/// </remarks>
internal static partial class IpAdapterKeyMap
{
    private const string Projection = "image_proj_model.", Layers = "adapter_modules.";

    /// <summary>The file under the official names: itself, or a training checkpoint's adapter without the rest of it.</summary>
    /// <param name="file">The file; the result takes it over.</param>
    public static ITensorFile Wrap(ITensorFile file)
    {
        bool isTraining = file.Keys.Any(k => k.StartsWith(Projection, StringComparison.Ordinal) || k.StartsWith(Layers, StringComparison.Ordinal));
        if (!isTraining)
            return file;
        Dictionary<string, string> names = new(StringComparer.Ordinal);
        foreach (string key in file.Keys)
        {
            if (key.StartsWith(Projection, StringComparison.Ordinal))
                names[IpAdapterFile.ProjectionPrefix + key[Projection.Length..]] = key;
            else if (key.StartsWith(Layers, StringComparison.Ordinal))
                names[IpAdapterFile.LayersPrefix + key[Layers.Length..]] = key;
            else if (!key.StartsWith("unet.", StringComparison.Ordinal))
                names[key] = key;
        }
        AddProcessors(file, names);
        return new RenamedTensorFile(file, names);
    }

    // Attention layers are numbered through the down blocks, the up blocks and the middle block, self- and cross-attention alternating.
    private static void AddProcessors(ITensorFile file, Dictionary<string, string> names)
    {
        IEnumerable<(int Number, IGrouping<string, Match> Tensors)> processors = file.Keys.Select(k => Processor().Match(k)).Where(m => m.Success)
            .GroupBy(m => m.Groups["layer"].Value)
            .OrderBy(g => Place(g.First()))
            .Select((g, i) => (Number: (2 * i) + 1, Tensors: g));
        foreach ((int number, IGrouping<string, Match> tensors) in processors)
            foreach (Match tensor in tensors)
                names.TryAdd(string.Create(CultureInfo.InvariantCulture, $"{IpAdapterFile.LayersPrefix}{number}.{tensor.Groups["tensor"].Value}"),
                    tensor.Value);
    }

    private static (int Part, int Block, int Attention, int Layer) Place(Match match)
    {
        int Number(string group) => match.Groups[group].Success ? int.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture) : 0;
        int part = match.Groups["part"].Value switch { "down_blocks" => 0, "up_blocks" => 1, _ => 2 };
        return (part, Number("block"), Number("attention"), Number("depth"));
    }

    [GeneratedRegex(
        @"^unet\.(?<layer>(?<part>down_blocks|up_blocks|mid_block)(\.(?<block>\d{1,4}))?\.attentions\.(?<attention>\d{1,4})"
            + @"\.transformer_blocks\.(?<depth>\d{1,4})\.attn2)\.processor\.(?<tensor>(to_[kv]_ip|text_to_weight)\.weight)$",
        RegexOptions.CultureInvariant)]
    private static partial Regex Processor();
}
