using PatchDpo.Torch.Adapters.IpAdapter;

namespace PatchDpo.Benchmarks.FullSize;

/// <summary>How large a UNet and its IP-Adapter-Plus are.</summary>
/// <param name="UNet">The UNet's <c>config.json</c>, in diffusers' form.</param>
/// <param name="Projection">The adapter's Resampler.</param>
/// <param name="TextWidth">Width of the text's hidden states.</param>
/// <param name="PooledWidth">Width of the pooled text.</param>
/// <param name="Latents">Side of the latents of one forward.</param>
internal sealed record ModelScale(object UNet, ResamplerOptions Projection, int TextWidth, int PooledWidth, int Latents)
{
    /// <summary>SDXL base 1.0 and ip-adapter-plus_sdxl_vit-h, at 512 pixels.</summary>
    public static ModelScale Full { get; } = new(
        UNetConfig([320, 640, 1280], [5, 10, 20], [1, 2, 10], layers: 2, groups: 32, sizes: 256, text: 2048, pooled: 1280),
        new ResamplerOptions(), TextWidth: 2048, PooledWidth: 1280, Latents: 64);

    /// <summary>The same with a fifth of the channels, 64 at first: a step of it takes seconds and not minutes.</summary>
    public static ModelScale Fifth { get; } = new(
        UNetConfig([64, 128, 256], [1, 2, 4], [1, 2, 10], layers: 2, groups: 32, sizes: 256, text: 384, pooled: 256),
        new ResamplerOptions { Channels = 256, Heads = 4, InputChannels = 256, OutputChannels = 384 }, TextWidth: 384, PooledWidth: 256, Latents: 64);

    /// <summary>The same architecture with a few thousand weights.</summary>
    public static ModelScale Tiny { get; } = new(
        UNetConfig([8, 16, 32], [1, 2, 4], [1, 1, 2], layers: 1, groups: 4, sizes: 8, text: 24, pooled: 10),
        new ResamplerOptions { Channels = 16, Layers = 1, HeadChannels = 64, Heads = 1, Tokens = 4, InputChannels = 16, OutputChannels = 24 },
        TextWidth: 24, PooledWidth: 10, Latents: 8);

    private static object UNetConfig(int[] channels, int[] heads, int[] transformers, int layers, int groups, int sizes, int text, int pooled) => new
    {
        _class_name = "UNet2DConditionModel",
        act_fn = "silu",
        addition_embed_type = "text_time",
        addition_time_embed_dim = sizes,
        attention_head_dim = heads,
        block_out_channels = channels,
        cross_attention_dim = text,
        down_block_types = new[] { "DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D" },
        in_channels = 4,
        layers_per_block = layers,
        mid_block_type = "UNetMidBlock2DCrossAttn",
        norm_eps = 1e-5,
        norm_num_groups = groups,
        out_channels = 4,
        projection_class_embeddings_input_dim = (6 * sizes) + pooled,
        sample_size = 128,
        transformer_layers_per_block = transformers,
        up_block_types = new[] { "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D" },
        use_linear_projection = true,
    };
}
