using System.Globalization;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Adapters.IpAdapter;

/// <summary>What a weight file tells of the sizes of its image projection.</summary>
/// <param name="file">The file.</param>
/// <param name="prefix">What the projection's keys begin with there.</param>
/// <param name="owner">Whose projection it is, for messages.</param>
internal sealed class ResamplerSizes(ITensorFile file, string prefix, string owner)
{
    /// <summary>The width of heads in every published file; none says it.</summary>
    public const int OfficialHeadChannels = 64;

    private const string HeadChannelsKey = "resampler.dim_head";

    // The official adapters' largest is 20,480.
    private const int MaxSize = 1_000_000;

    /// <summary>The width of a head, which no shape tells, as metadata; none where the format implies it.</summary>
    public static Dictionary<string, string> Metadata(ResamplerOptions options, int? impliedHeadChannels)
        => options.HeadChannels == impliedHeadChannels ? []
            : new() { [HeadChannelsKey] = options.HeadChannels.ToString(CultureInfo.InvariantCulture) };

    /// <summary>A size of one of the projection's tensors.</summary>
    /// <exception cref="WeightsFormatException">The tensor is missing, has too few dimensions or no such size.</exception>
    public int Size(string key, int dimension)
    {
        string name = prefix + key;
        if (!file.Contains(name) || file.Shape(name).Length <= dimension)
            throw new WeightsFormatException(file.Path, name, $"the image projection of {owner} needs this tensor with at least {dimension + 1} dimensions.");
        long size = file.Shape(name)[dimension];
        return size is > 0 and <= MaxSize ? (int)size
            : throw new WeightsFormatException(file.Path, name, $"an image projection cannot have a size of {size}.");
    }

    /// <summary>A Resampler's shape.</summary>
    /// <param name="latents">The key of its learned latents, <c>(1,tokens,width)</c>.</param>
    /// <param name="headChannels">The width of a head; null takes the file's metadata, or 64.</param>
    /// <exception cref="WeightsFormatException">The tensors are not those of a Resampler, or have no whole number of heads.</exception>
    public ResamplerOptions Resampler(string latents, int? headChannels)
    {
        int heads = headChannels ?? (file.Metadata.TryGetValue(HeadChannelsKey, out string? text)
            && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int noted) ? noted : OfficialHeadChannels);
        (int width, int inner) = (Size(latents, 2), Size("layers.0.0.to_q.weight", 0));
        if (heads <= 0 || inner % heads != 0)
            throw new WeightsFormatException(
                file.Path, prefix + "layers.0.0.to_q.weight", $"{inner} rows are no whole number of heads of {heads}; give the width of a head.");
        return new ResamplerOptions
        {
            Channels = width,
            Layers = file.Keys.Count(k => k.StartsWith(prefix + "layers.", StringComparison.Ordinal) && k.EndsWith(".0.to_q.weight", StringComparison.Ordinal)),
            HeadChannels = heads,
            Heads = inner / heads,
            Tokens = Size(latents, 1),
            InputChannels = Size("proj_in.weight", 1),
            OutputChannels = Size("proj_out.weight", 0),
            FeedForwardMultiple = Math.Max(1, Size("layers.0.1.1.weight", 0) / width),
        };
    }
}
