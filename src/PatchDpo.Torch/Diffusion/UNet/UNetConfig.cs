using System.Collections.Immutable;
using PatchDpo.Torch.Models;

namespace PatchDpo.Torch.Diffusion.UNet;

/// <summary>The shape of a <see cref="UNet2DConditionModel"/>. Lists go from the highest to the lowest resolution unless said otherwise.</summary>
/// <remarks>Defaults are those of diffusers 0.23.1, models/unet_2d_condition.py; the field's name there stands with each property.</remarks>
public sealed record UNetConfig
{
    internal const string Down = "DownBlock2D", CrossDown = "CrossAttnDownBlock2D", Up = "UpBlock2D", CrossUp = "CrossAttnUpBlock2D",
        CrossMid = "UNetMidBlock2DCrossAttn";

    /// <summary>Height and width of the latents that the model was trained for; informative (sample_size).</summary>
    public int? SampleSize { get; init; }

    /// <summary>Channels of the latents (in_channels).</summary>
    public int InChannels { get; init; } = 4;

    /// <summary>Channels of the prediction (out_channels).</summary>
    public int OutChannels { get; init; } = 4;

    /// <summary>Whether the input is mapped from [0,1] to [-1,1] first (center_input_sample).</summary>
    public bool CenterInputSample { get; init; }

    /// <summary>Whether cosines stand before sines in the timestep embedding (flip_sin_to_cos).</summary>
    public bool FlipSinToCos { get; init; } = true;

    /// <summary>Subtracted from the number of frequencies in the timestep embedding (freq_shift).</summary>
    public double FrequencyShift { get; init; }

    /// <summary>DownBlock2D or CrossAttnDownBlock2D for each level (down_block_types).</summary>
    public ImmutableArray<string> DownBlockTypes { get; init; } = [CrossDown, CrossDown, CrossDown, Down];

    /// <summary>Whether there is a middle block, UNetMidBlock2DCrossAttn (mid_block_type).</summary>
    public bool HasMidBlock { get; init; } = true;

    /// <summary>UpBlock2D or CrossAttnUpBlock2D for each level, from the lowest to the highest resolution (up_block_types).</summary>
    public ImmutableArray<string> UpBlockTypes { get; init; } = [Up, CrossUp, CrossUp, CrossUp];

    /// <summary>Channels of each level (block_out_channels).</summary>
    public ImmutableArray<int> BlockOutChannels { get; init; } = [320, 640, 1280, 1280];

    /// <summary>Residual blocks of each level; the way up has one more (layers_per_block).</summary>
    public ImmutableArray<int> LayersPerBlock { get; init; } = [2, 2, 2, 2];

    /// <summary>Padding of the halving convolutions (downsample_padding).</summary>
    public int DownsamplePadding { get; init; } = 1;

    /// <summary>What the middle block's residual sums are divided by (mid_block_scale_factor).</summary>
    public double MidBlockScaleFactor { get; init; } = 1;

    /// <summary>Dropout in residual blocks while training (dropout).</summary>
    public double Dropout { get; init; }

    /// <summary>silu, swish, gelu, relu or mish (act_fn).</summary>
    public string Activation { get; init; } = "silu";

    /// <summary>Groups of the group normalisations (norm_num_groups).</summary>
    public int NormGroups { get; init; } = 32;

    /// <summary>Eps of the residual blocks' group normalisations (norm_eps).</summary>
    public double NormEps { get; init; } = 1e-5;

    /// <summary>Width of the text's hidden states on each level (cross_attention_dim).</summary>
    public ImmutableArray<int> CrossAttentionDims { get; init; } = [1280, 1280, 1280, 1280];

    /// <summary>Transformer blocks in each attention of a level (transformer_layers_per_block).</summary>
    public ImmutableArray<int> TransformerLayers { get; init; } = [1, 1, 1, 1];

    /// <summary>The same for the way up, from the lowest to the highest resolution; null mirrors the way down (reverse_transformer_layers_per_block).</summary>
    public ImmutableArray<int>? ReverseTransformerLayers { get; init; }

    /// <summary>Attention heads of each level. The field in diffusers is attention_head_dim, which means the number of heads.</summary>
    public ImmutableArray<int> AttentionHeads { get; init; } = [8, 8, 8, 8];

    /// <summary>Linear layers instead of 1x1 convolutions around the transformers (use_linear_projection; SDXL: true).</summary>
    public bool UseLinearProjection { get; init; }

    /// <summary>Attend in float32 whatever the weights' type (upcast_attention).</summary>
    public bool UpcastAttention { get; init; }

    /// <summary>Embed pooled text and image sizes beside the timestep (addition_embed_type text_time; SDXL: true).</summary>
    public bool HasTextTimeEmbedding { get; init; }

    /// <summary>Embedding dimension of each of the six size numbers (addition_time_embed_dim; SDXL: 256).</summary>
    public int AdditionTimeEmbedDim { get; init; } = 256;

    /// <summary>Pooled text width plus six times <see cref="AdditionTimeEmbedDim"/> (projection_class_embeddings_input_dim; SDXL: 2816).</summary>
    public int AdditionInputChannels { get; init; } = 2816;

    /// <summary>Width of the time embedding; null is four times the first level's channels (time_embedding_dim).</summary>
    public int? TimeEmbeddingDim { get; init; }

    /// <summary>Activation of the finished embedding, or null (time_embedding_act_fn).</summary>
    public string? TimeEmbeddingActivation { get; init; }

    /// <summary>Activation at the end of the timestep's own embedding, or null (timestep_post_act).</summary>
    public string? TimestepPostActivation { get; init; }

    /// <summary>Kernel of the first convolution, odd (conv_in_kernel).</summary>
    public int ConvInKernel { get; init; } = 3;

    /// <summary>Kernel of the last convolution, odd (conv_out_kernel).</summary>
    public int ConvOutKernel { get; init; } = 3;

    internal int TimeChannels => TimeEmbeddingDim ?? (BlockOutChannels[0] * 4);

    /// <summary>Reads a diffusers <c>config.json</c>; absent fields take diffusers' defaults.</summary>
    /// <param name="json">The configuration.</param>
    /// <returns>The same, checked.</returns>
    /// <exception cref="ModelConfigException">A field has a value that is wrong or not supported; the message names file and field.</exception>
    public static UNetConfig FromJson(ModelConfig json) => UNetConfigReader.Read(json);

    /// <summary>Checks that the values fit together.</summary>
    /// <exception cref="ArgumentException">They do not; the message names the diffusers field.</exception>
    public void Validate()
    {
        if (UNetConfigRules.FirstProblem(this) is var (field, problem))
            throw new ArgumentException($"UNet configuration, {field}: {problem}");
    }

    /// <summary>Transformer blocks of each attention on the way down; 0 where the level has no attention.</summary>
    internal int DownTransformers(int level) => DownBlockTypes[level] == CrossDown ? TransformerLayers[level] : 0;

    /// <summary>The same on the way up, block 0 being the lowest resolution.</summary>
    internal int UpTransformers(int block) => UpBlockTypes[block] != CrossUp ? 0
        : ReverseTransformerLayers is { } reverse ? reverse[block] : TransformerLayers[^(block + 1)];

    /// <summary>The field that asks for more residual and transformer layers than there can be, with the number; null where none does.</summary>
    internal (string Field, long Count)? FirstWithMoreLayersThan(long limit)
    {
        long residual = LayersPerBlock.Sum(n => (2L * n) + 1), transformers = HasMidBlock ? TransformerLayers[^1] : 0, reverse = 0;
        for (int i = 0; i < BlockOutChannels.Length && i < LayersPerBlock.Length; i++)
        {
            transformers += LayersPerBlock[i] * (long)DownTransformers(i);
            reverse += (LayersPerBlock[^(i + 1)] + 1L) * UpTransformers(i);
        }
        return residual > limit ? ("layers_per_block", residual)
            : transformers > limit ? ("transformer_layers_per_block", transformers)
            : reverse > limit ? (ReverseTransformerLayers is null ? "transformer_layers_per_block" : "reverse_transformer_layers_per_block", reverse)
            : null;
    }

    /// <summary>All attention layers in the order in which IP-Adapter files number them.</summary>
    internal IEnumerable<AttentionLayer> AttentionLayers()
    {
        int levels = BlockOutChannels.Length;
        var places = new List<(int Level, string Block, int Attentions, int Transformers)>();
        for (int i = 0; i < levels; i++)
            places.Add((i, $"down_blocks.{i}", LayersPerBlock[i], DownTransformers(i)));
        for (int i = 0; i < levels; i++)
            places.Add((levels - 1 - i, $"up_blocks.{i}", LayersPerBlock[levels - 1 - i] + 1, UpTransformers(i)));
        if (HasMidBlock)
            places.Add((levels - 1, "mid_block", 1, TransformerLayers[^1]));
        int index = 0;
        foreach ((int level, string block, int attentions, int transformers) in places)
            for (int attention = 0; attention < attentions; attention++)
                for (int transformer = 0; transformer < transformers; transformer++)
                {
                    string name = $"{block}.attentions.{attention}.transformer_blocks.{transformer}.attn";
                    yield return new AttentionLayer(index++, BlockOutChannels[level], null, name + "1");
                    yield return new AttentionLayer(index++, BlockOutChannels[level], CrossAttentionDims[level], name + "2");
                }
    }
}
