using System.Collections.Immutable;
using PatchDpo.Torch.Models;

namespace PatchDpo.Torch.Diffusion.UNet;

/// <summary>Reads a UNet's diffusers configuration, refusing what the model does not do.</summary>
internal static class UNetConfigReader
{
    public static UNetConfig Read(ModelConfig json)
    {
        ArgumentNullException.ThrowIfNull(json);
        json.RequireKind("_class_name", nameof(UNet2DConditionModel));
        CheckUnsupported(json);
        var defaults = new UNetConfig();
        ImmutableArray<int> channels = json.Has("block_out_channels") ? [.. json.GetInt32Array("block_out_channels")] : defaults.BlockOutChannels;
        ImmutableArray<int> PerLevel(string name, int byDefault) => json.Has(name)
            ? [.. json.GetInt32Array(name, channels.Length)]
            : [.. Enumerable.Repeat(byDefault, channels.Length)];
        ImmutableArray<string> Types(string name, ImmutableArray<string> byDefault) => json.Has(name) ? [.. json.GetStringArray(name)] : byDefault;
        int? OptionalInt32(string name) => json.Has(name) ? json.GetInt32(name) : null;
        string? OptionalString(string name) => json.Has(name) ? json.GetString(name) : null;
        var config = new UNetConfig
        {
            SampleSize = json.Has("sample_size") ? json.GetPositive("sample_size") : null,
            InChannels = json.GetInt32("in_channels", defaults.InChannels),
            OutChannels = json.GetInt32("out_channels", defaults.OutChannels),
            CenterInputSample = json.GetBoolean("center_input_sample", defaults.CenterInputSample),
            FlipSinToCos = json.GetBoolean("flip_sin_to_cos", defaults.FlipSinToCos),
            FrequencyShift = json.GetDouble("freq_shift", defaults.FrequencyShift),
            DownBlockTypes = Types("down_block_types", defaults.DownBlockTypes),
            HasMidBlock = HasMidBlock(json),
            UpBlockTypes = Types("up_block_types", defaults.UpBlockTypes),
            BlockOutChannels = channels,
            LayersPerBlock = PerLevel("layers_per_block", 2),
            DownsamplePadding = json.GetInt32("downsample_padding", defaults.DownsamplePadding),
            MidBlockScaleFactor = json.GetDouble("mid_block_scale_factor", defaults.MidBlockScaleFactor),
            Dropout = json.GetDouble("dropout", defaults.Dropout),
            Activation = json.GetString("act_fn", defaults.Activation),
            NormGroups = json.GetInt32("norm_num_groups", defaults.NormGroups),
            NormEps = json.GetDouble("norm_eps", defaults.NormEps),
            CrossAttentionDims = PerLevel("cross_attention_dim", 1280),
            TransformerLayers = PerLevel("transformer_layers_per_block", 1),
            ReverseTransformerLayers = json.Has("reverse_transformer_layers_per_block")
                ? PerLevel("reverse_transformer_layers_per_block", 1) : null,
            AttentionHeads = PerLevel("attention_head_dim", 8),
            UseLinearProjection = json.GetBoolean("use_linear_projection", defaults.UseLinearProjection),
            UpcastAttention = json.GetBoolean("upcast_attention", defaults.UpcastAttention),
            TimeEmbeddingDim = OptionalInt32("time_embedding_dim"),
            TimeEmbeddingActivation = OptionalString("time_embedding_act_fn"),
            TimestepPostActivation = OptionalString("timestep_post_act"),
            ConvInKernel = json.GetInt32("conv_in_kernel", defaults.ConvInKernel),
            ConvOutKernel = json.GetInt32("conv_out_kernel", defaults.ConvOutKernel),
        };
        if (json.Has("addition_embed_type"))
        {
            config = config with
            {
                HasTextTimeEmbedding = true,
                AdditionTimeEmbedDim = json.GetInt32("addition_time_embed_dim"),
                AdditionInputChannels = json.GetInt32("projection_class_embeddings_input_dim"),
            };
        }
        if (UNetConfigRules.FirstProblem(config) is var (field, problem))
            throw new ModelConfigException(json.Source, field, problem);
        return config;
    }

    // An explicit null means a model without the block; an absent field means the default block.
    private static bool HasMidBlock(ModelConfig json)
    {
        const string Field = "mid_block_type";
        if (json.Has(Field) && json.GetString(Field) != UNetConfig.CrossMid)
            throw new ModelConfigException(json.Source, Field, $"'{json.GetString(Field)}' is not supported; {UNetConfig.CrossMid} is.");
        return json.Has(Field) || !json.Names.Contains(Field);
    }

    private static void CheckUnsupported(ModelConfig json)
    {
        foreach (string? field in new[]
        {
            "class_embed_type", "num_class_embeds", "encoder_hid_dim", "encoder_hid_dim_type", "time_cond_proj_dim", "cross_attention_norm",
        })
        {
            if (json.Has(field))
                throw new ModelConfigException(json.Source, field, "only null is supported.");
        }
        if (json.Has("num_attention_heads"))
            throw new ModelConfigException(
                json.Source, "num_attention_heads", "only null is supported; diffusers takes the number of heads from attention_head_dim.");
        foreach (string? field in new[]
        {
            "dual_cross_attention", "only_cross_attention", "mid_block_only_cross_attention", "class_embeddings_concat",
        })
        {
            if (json.GetBoolean(field, false))
                throw new ModelConfigException(json.Source, field, "only false is supported.");
        }
        foreach ((string? field, string? supported) in new[]
        {
            ("resnet_time_scale_shift", "default"), ("time_embedding_type", "positional"), ("attention_type", "default"), ("addition_embed_type", "text_time"),
        })
        {
            if (json.GetString(field, supported) is var value && value != supported)
                throw new ModelConfigException(json.Source, field, $"'{value}' is not supported; '{supported}' is.");
        }
    }
}
