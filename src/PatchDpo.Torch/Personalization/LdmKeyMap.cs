using System.Globalization;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Diffusion.Vae;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Personalization;

/// <summary>Stability AI's names of a UNet's and an autoencoder's tensors (the latent-diffusion repositories') for diffusers' names, which ours are.</summary>
/// <remarks>
/// There, a UNet's blocks stand in one list on the way down and one on the way up, each entry with what is done in it: a residual
/// block, a transformer, a change of size. Source: CompVis/latent-diffusion, ldm/modules/diffusionmodules/openaimodel.py and model.py.
/// </remarks>
internal static class LdmKeyMap
{
    private static readonly Dictionary<string, string> UnetResnet = new(StringComparer.Ordinal)
    {
        ["norm1"] = "in_layers.0",
        ["conv1"] = "in_layers.2",
        ["time_emb_proj"] = "emb_layers.1",
        ["norm2"] = "out_layers.0",
        ["conv2"] = "out_layers.3",
        ["conv_shortcut"] = "skip_connection",
    };

    private static readonly Dictionary<string, string> UnetEnds = new(StringComparer.Ordinal)
    {
        ["conv_in"] = "input_blocks.0.0",
        ["time_embedding.linear_1"] = "time_embed.0",
        ["time_embedding.linear_2"] = "time_embed.2",
        ["add_embedding.linear_1"] = "label_emb.0.0",
        ["add_embedding.linear_2"] = "label_emb.0.2",
        ["conv_norm_out"] = "out.0",
        ["conv_out"] = "out.2",
    };

    private static readonly Dictionary<string, string> VaeAttention = new(StringComparer.Ordinal)
    {
        ["group_norm"] = "norm",
        ["to_q"] = "q",
        ["to_k"] = "k",
        ["to_v"] = "v",
        ["to_out.0"] = "proj_out",
    };

    /// <summary>A part of a file under our names; tensors of the part that have none keep theirs, so that they are told.</summary>
    /// <param name="file">The file.</param>
    /// <param name="prefix">What the part's keys begin with.</param>
    /// <param name="keys">The module's keys.</param>
    /// <param name="theirs">From a key of the module to the name in the file, after the prefix.</param>
    public static ITensorSource Wrap(ITensorFile file, string prefix, IEnumerable<string> keys, Func<string, string> theirs)
    {
        Dictionary<string, MappedTensor> map = new(StringComparer.Ordinal);
        HashSet<string> used = new(StringComparer.Ordinal);
        foreach (string key in keys)
        {
            string stored = prefix + theirs(key);
            if (!file.Contains(stored))
                continue;
            used.Add(stored);
            // The autoencoder's attention there is of convolutions of one pixel, here of matrices.
            bool isPixel = IsVaeAttention(key) && file.Shape(stored) is [_, _, 1, 1];
            map[key] = isPixel ? new MappedTensor(MappedTensorKind.Matrix, [stored]) : MappedTensor.Copy(stored);
        }
        foreach (string stored in file.Keys.Where(k => k.StartsWith(prefix, StringComparison.Ordinal) && !used.Contains(k)))
            map[stored] = MappedTensor.Copy(stored);
        return new MappedTensorSource(file, map);
    }

    /// <summary>The name of a UNet's tensor.</summary>
    /// <param name="config">The UNet's shape.</param>
    /// <param name="key">Our key.</param>
    public static string UNetKey(UNetConfig config, string key)
    {
        foreach ((string ours, string theirs) in UnetEnds)
        {
            if (key.StartsWith(ours + ".", StringComparison.Ordinal))
                return theirs + key[ours.Length..];
        }
        string[] parts = key.Split('.');
        return parts switch
        {
            ["mid_block", "attentions", _, .. string[] rest] => $"middle_block.1.{string.Join('.', rest)}",
            ["mid_block", "resnets", string number, .. string[] rest] => $"middle_block.{(number == "0" ? 0 : 2)}.{UNetResnet(rest)}",
            ["down_blocks", string block, string kind, string number, .. string[] rest] => Down(config, Int(block), kind, Int(number), rest),
            ["up_blocks", string block, string kind, string number, .. string[] rest] => Up(config, Int(block), kind, Int(number), rest),
            _ => key,
        };
    }

    /// <summary>The name of an autoencoder's tensor.</summary>
    /// <param name="config">The autoencoder's shape.</param>
    /// <param name="key">Our key.</param>
    public static string VaeKey(VaeConfig config, string key)
    {
        string[] parts = key.Split('.');
        int last = config.BlockOutChannels.Count - 1;
        return parts switch
        {
            ["encoder", "down_blocks", string level, "resnets", string number, .. string[] rest] => $"encoder.down.{level}.block.{number}.{VaeResnet(rest)}",
            ["encoder", "down_blocks", string level, "downsamplers", _, .. string[] rest] => $"encoder.down.{level}.downsample.{string.Join('.', rest)}",
            ["decoder", "up_blocks", string level, "resnets", string number, .. string[] rest]
                => $"decoder.up.{Text(last - Int(level))}.block.{number}.{VaeResnet(rest)}",
            ["decoder", "up_blocks", string level, "upsamplers", _, .. string[] rest]
                => $"decoder.up.{Text(last - Int(level))}.upsample.{string.Join('.', rest)}",
            [string half, "mid_block", "resnets", string number, .. string[] rest] => $"{half}.mid.block_{Text(Int(number) + 1)}.{VaeResnet(rest)}",
            [string half, "mid_block", "attentions", _, .. string[] rest] => $"{half}.mid.attn_1.{VaeAttention[string.Join('.', rest[..^1])]}.{rest[^1]}",
            [string half, "conv_norm_out", string kind] => $"{half}.norm_out.{kind}",
            _ => key,
        };
    }

    private static string Down(UNetConfig config, int block, string kind, int number, string[] rest)
    {
        // The first convolution stands before, and after each level but the last one halving.
        int first = 1 + config.LayersPerBlock.Take(block).Sum(l => l + 1);
        return kind switch
        {
            "resnets" => $"input_blocks.{Text(first + number)}.0.{UNetResnet(rest)}",
            "attentions" => $"input_blocks.{Text(first + number)}.1.{string.Join('.', rest)}",
            _ => $"input_blocks.{Text(first + config.LayersPerBlock[block])}.0.op.{string.Join('.', rest[1..])}",
        };
    }

    private static string Up(UNetConfig config, int block, string kind, int number, string[] rest)
    {
        int[] layers = [.. config.LayersPerBlock.Reverse().Select(l => l + 1)];
        int first = layers.Take(block).Sum();
        return kind switch
        {
            "resnets" => $"output_blocks.{Text(first + number)}.0.{UNetResnet(rest)}",
            "attentions" => $"output_blocks.{Text(first + number)}.1.{string.Join('.', rest)}",
            // In the entry of the level's last residual block, after its transformer where it has one.
            _ => $"output_blocks.{Text(first + layers[block] - 1)}.{(config.UpTransformers(block) > 0 ? 2 : 1)}.{string.Join('.', rest)}",
        };
    }

    private static string UNetResnet(string[] rest) => $"{UnetResnet[rest[0]]}.{string.Join('.', rest[1..])}";

    private static string VaeResnet(string[] rest) => rest[0] == "conv_shortcut" ? $"nin_shortcut.{rest[1]}" : string.Join('.', rest);

    private static bool IsVaeAttention(string key)
        => key.Contains(".mid_block.attentions.", StringComparison.Ordinal) && key.EndsWith(".weight", StringComparison.Ordinal);

    private static int Int(string number) => int.Parse(number, CultureInfo.InvariantCulture);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
