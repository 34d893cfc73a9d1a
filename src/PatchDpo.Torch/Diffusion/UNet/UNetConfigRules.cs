using PatchDpo.Torch.Diffusion.Blocks;
using PatchDpo.Torch.Models;

namespace PatchDpo.Torch.Diffusion.UNet;

/// <summary>Which values of a <see cref="UNetConfig"/> fit together.</summary>
internal static class UNetConfigRules
{
    // SDXL's network has some hundred; a larger number is no network's, and each layer takes memory even without weights.
    private const int MaxBlocks = 10_000;

    // Images of 8,192 pixels.
    private const int MaxSampleSize = 1024;

    private const int MaxKernel = 31;

    private const double MinFactor = 1e-12;

    /// <summary>The first rule that is broken, by the diffusers field's name; null where all hold.</summary>
    public static (string Field, string Problem)? FirstProblem(UNetConfig c) => Problems(c).Select(p => ((string, string)?)p).FirstOrDefault();

    private static IEnumerable<(string Field, string Problem)> Problems(UNetConfig c)
    {
        int levels = c.BlockOutChannels.Length;
        if (levels == 0)
        {
            yield return ("block_out_channels", "it is empty.");
            yield break;
        }
        if (levels > ConfigFields.MaxLevels)
        {
            yield return ("block_out_channels", $"{levels} levels are more than the {ConfigFields.MaxLevels} that are supported.");
            yield break;
        }
        foreach ((string? field, int count) in new[]
        {
            ("down_block_types", c.DownBlockTypes.Length), ("up_block_types", c.UpBlockTypes.Length),
            ("layers_per_block", c.LayersPerBlock.Length), ("cross_attention_dim", c.CrossAttentionDims.Length),
            ("transformer_layers_per_block", c.TransformerLayers.Length), ("attention_head_dim", c.AttentionHeads.Length),
            ("reverse_transformer_layers_per_block", c.ReverseTransformerLayers?.Length ?? levels),
        })
        {
            if (count != levels)
                yield return (field, $"{count} values for {levels} levels (block_out_channels).");
        }
        foreach (string? type in c.DownBlockTypes.Where(t => t is not (UNetConfig.Down or UNetConfig.CrossDown)))
            yield return ("down_block_types", $"'{type}' is not supported; {UNetConfig.Down} and {UNetConfig.CrossDown} are.");
        foreach (string? type in c.UpBlockTypes.Where(t => t is not (UNetConfig.Up or UNetConfig.CrossUp)))
            yield return ("up_block_types", $"'{type}' is not supported; {UNetConfig.Up} and {UNetConfig.CrossUp} are.");
        foreach ((string? field, double value) in Positives(c))
        {
            if (!(value > 0))
                yield return (field, $"{value:g} is not positive.");
            if (value > ConfigFields.MaxSize)
                yield return (field, $"{value:g} is more than the {ConfigFields.MaxSize} that are supported.");
        }
        if (c.SampleSize > MaxSampleSize)
            yield return ("sample_size", $"{c.SampleSize} is more than the {MaxSampleSize} that are supported.");
        if (c.NormEps is > 1 or < MinFactor)
            yield return ("norm_eps", $"{c.NormEps:g} is not in [{MinFactor:g},1].");
        if (c.MidBlockScaleFactor < MinFactor)
            yield return ("mid_block_scale_factor", $"{c.MidBlockScaleFactor:g} is not in [{MinFactor:g},{ConfigFields.MaxSize}].");
        if (c.HasTextTimeEmbedding && c.AdditionInputChannels <= 6 * c.AdditionTimeEmbedDim)
            yield return ("projection_class_embeddings_input_dim",
                $"{c.AdditionInputChannels} leaves no room for pooled text beside six sizes of {c.AdditionTimeEmbedDim}.");
        int frequencies = (c.HasTextTimeEmbedding ? Math.Min(c.BlockOutChannels[0], c.AdditionTimeEmbedDim) : c.BlockOutChannels[0]) / 2;
        if (c.FrequencyShift != 0 && !(c.FrequencyShift > 0 && c.FrequencyShift < frequencies))
            yield return ("freq_shift", $"{c.FrequencyShift:g} is not in [0,{frequencies}), the number of frequencies.");
        if (c.FirstWithMoreLayersThan(MaxBlocks) is var (asking, asked))
            yield return (asking, $"it asks for {asked} layers; at most {MaxBlocks} are supported.");
        foreach (int channels in c.BlockOutChannels.Where(b => b % c.NormGroups != 0))
            yield return ("norm_num_groups", $"{c.NormGroups} groups do not divide {channels} channels.");
        for (int i = 0; i < levels; i++)
        {
            if (c.BlockOutChannels[i] % c.AttentionHeads[i] != 0)
                yield return ("attention_head_dim", $"{c.AttentionHeads[i]} heads do not divide {c.BlockOutChannels[i]} channels.");
        }
        foreach ((string? field, int kernel) in new[] { ("conv_in_kernel", c.ConvInKernel), ("conv_out_kernel", c.ConvOutKernel) })
        {
            if (kernel is <= 0 or > MaxKernel || kernel % 2 == 0)
                yield return (field, $"{kernel} is not a positive odd number up to {MaxKernel}.");
        }
        foreach ((string? field, string? name) in new[]
        {
            ("act_fn", c.Activation), ("time_embedding_act_fn", c.TimeEmbeddingActivation), ("timestep_post_act", c.TimestepPostActivation),
        })
        {
            if (name is not null && !Activations.IsKnown(name))
                yield return (field, $"the activation function '{name}' is not supported.");
        }
        if (c.Dropout is not (>= 0 and < 1))
            yield return ("dropout", $"{c.Dropout} is not in [0,1).");
        if (c.DownsamplePadding is not (0 or 1))
            yield return ("downsample_padding", $"{c.DownsamplePadding} is neither 0 nor 1.");
    }

    private static IEnumerable<(string Field, double Value)> Positives(UNetConfig c)
    {
        yield return ("in_channels", c.InChannels);
        yield return ("out_channels", c.OutChannels);
        yield return ("norm_num_groups", c.NormGroups);
        yield return ("norm_eps", c.NormEps);
        yield return ("mid_block_scale_factor", c.MidBlockScaleFactor);
        yield return ("addition_time_embed_dim", c.AdditionTimeEmbedDim);
        yield return ("projection_class_embeddings_input_dim", c.AdditionInputChannels);
        yield return ("time_embedding_dim", c.TimeEmbeddingDim ?? 1);
        foreach (int value in c.BlockOutChannels)
            yield return ("block_out_channels", value);
        foreach (int value in c.LayersPerBlock)
            yield return ("layers_per_block", value);
        foreach (int value in c.CrossAttentionDims)
            yield return ("cross_attention_dim", value);
        foreach (int value in c.TransformerLayers)
            yield return ("transformer_layers_per_block", value);
        foreach (int value in c.ReverseTransformerLayers ?? [])
            yield return ("reverse_transformer_layers_per_block", value);
        foreach (int value in c.AttentionHeads)
            yield return ("attention_head_dim", value);
    }
}
