namespace PatchDpo.Benchmarks.FullSize;

/// <summary>How large the parts of an SDXL pipeline are beside its UNet and adapter.</summary>
/// <param name="Network">UNet and adapter.</param>
/// <param name="FirstText">The first text encoder's <c>config.json</c>.</param>
/// <param name="SecondText">The second's.</param>
/// <param name="Vision">The image encoder's.</param>
/// <param name="Vae">The autoencoder's.</param>
/// <param name="Vocabulary">Ids of the tokenizer.</param>
/// <param name="ImageSide">Side of the trained images in pixels.</param>
internal sealed record PipelineScale(ModelScale Network, object FirstText, object SecondText, object Vision, object Vae, int Vocabulary, int ImageSide)
{
    /// <summary>SDXL base 1.0 with OpenCLIP's ViT-H, at 512 pixels.</summary>
    public static PipelineScale Full { get; } = new(ModelScale.Full,
        Text("CLIPTextModel", 768, 3072, 12, 12, "quick_gelu", 768, 49_408), Text("CLIPTextModelWithProjection", 1280, 5120, 32, 20, "gelu", 1280, 49_408),
        ImageEncoder(1280, 5120, 32, 16, 224, 14, 1024), Autoencoder([128, 256, 512, 512], 2, 32), 49_408, 512);

    /// <summary>
    /// The same with about a fifth of the channels everywhere, as many layers, tokens and pixels: the parts' shares of the work are SDXL's, about.
    /// </summary>
    public static PipelineScale Fifth { get; } = new(ModelScale.Fifth,
        Text("CLIPTextModel", 128, 512, 12, 2, "quick_gelu", 128, 49_408), Text("CLIPTextModelWithProjection", 256, 1024, 32, 4, "gelu", 256, 49_408),
        ImageEncoder(256, 1024, 32, 4, 224, 14, 256), Autoencoder([24, 48, 96, 96], 2, 8), 49_408, 512);

    /// <summary>The same architecture with a few thousand weights.</summary>
    public static PipelineScale Tiny { get; } = new(ModelScale.Tiny,
        Text("CLIPTextModel", 12, 24, 2, 2, "quick_gelu", 12, 600), Text("CLIPTextModelWithProjection", 12, 24, 2, 2, "gelu", 10, 600),
        ImageEncoder(16, 32, 2, 2, 32, 16, 10), Autoencoder([8, 8, 16, 16], 1, 4), 600, 64);

    private static object Text(string architecture, int width, int inner, int layers, int heads, string activation, int projection, int vocabulary) => new
    {
        architectures = new[] { architecture },
        model_type = "clip_text_model",
        hidden_size = width,
        intermediate_size = inner,
        num_hidden_layers = layers,
        num_attention_heads = heads,
        vocab_size = vocabulary,
        max_position_embeddings = 77,
        eos_token_id = vocabulary - 1,
        hidden_act = activation,
        layer_norm_eps = 1e-5,
        projection_dim = projection,
    };

    private static object ImageEncoder(int width, int inner, int layers, int heads, int imageSide, int patch, int projection) => new
    {
        architectures = new[] { "CLIPVisionModelWithProjection" },
        model_type = "clip_vision_model",
        hidden_size = width,
        intermediate_size = inner,
        num_hidden_layers = layers,
        num_attention_heads = heads,
        image_size = imageSide,
        patch_size = patch,
        hidden_act = "gelu",
        projection_dim = projection,
    };

    private static object Autoencoder(int[] channels, int layers, int groups) => new
    {
        _class_name = "AutoencoderKL",
        down_block_types = Enumerable.Repeat("DownEncoderBlock2D", channels.Length),
        up_block_types = Enumerable.Repeat("UpDecoderBlock2D", channels.Length),
        block_out_channels = channels,
        layers_per_block = layers,
        latent_channels = 4,
        norm_num_groups = groups,
        scaling_factor = 0.13025,
    };
}
