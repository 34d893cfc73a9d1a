using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using static TorchSharp.torch;

namespace TrainEmbeddedModels;

/// <summary>The small generator's networks, in SDXL's form, and their configuration files.</summary>
internal sealed class GeneratorModels : IDisposable
{
    // The converged adapter; AdapterStage makes the shipped one.
    private const string FullAdapter = "full_ip_adapter.safetensors";
    private const int TextWidth = 64;
    private const int ImageWidth = 96;
    private const int ImageLayers = 4;
    private const int ContextWidth = 2 * TextWidth;
    private const int SizeEmbedding = 8;
    private static readonly int[] ChannelCounts = [64, 128];
    private static readonly int[] HeadCounts = [2, 4];
    private static readonly string[] Down = ["DownBlock2D", "CrossAttnDownBlock2D"];
    private static readonly string[] Up = ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D"];
    private readonly int _vocabularySize;

    public GeneratorModels(int vocabularySize)
    {
        _vocabularySize = vocabularySize;
        TextEncoder = new ClipTextEncoder(TextConfig(null));
        TextEncoder2 = new ClipTextEncoder(TextConfig(TextWidth));
        ImageEncoder = new ClipVisionEncoder(new ClipVisionConfig
        {
            HiddenSize = ImageWidth,
            NumLayers = ImageLayers,
            NumHeads = 3,
            IntermediateSize = 2 * ImageWidth,
            Activation = ClipActivation.Gelu,
            ProjectionDim = TextWidth,
            ImageSize = 64,
            PatchSize = 8,
        });
        Resampler = new Resampler(new ResamplerOptions
        {
            Channels = ImageWidth,
            Layers = 2,
            HeadChannels = 32,
            Heads = 3,
            Tokens = 16,
            InputChannels = ImageWidth,
            OutputChannels = ContextWidth,
            FeedForwardMultiple = 2,
        });
        var config = new UNetConfig
        {
            SampleSize = 16,
            InChannels = VaeStage.LatentChannels,
            OutChannels = VaeStage.LatentChannels,
            DownBlockTypes = [.. Down],
            UpBlockTypes = [.. Up],
            BlockOutChannels = [.. ChannelCounts],
            LayersPerBlock = [1, 1],
            NormGroups = 8,
            CrossAttentionDims = [ContextWidth, ContextWidth],
            TransformerLayers = [1, 1],
            AttentionHeads = [.. HeadCounts],
            UseLinearProjection = true,
            HasTextTimeEmbedding = true,
            AdditionTimeEmbedDim = SizeEmbedding,
            AdditionInputChannels = TextWidth + 6 * SizeEmbedding,
        };
        UNet = new UNet2DConditionModel(config);
        AdapterLayers = new IpAdapterLayers(config);
    }

    public ClipTextEncoder TextEncoder { get; }

    public ClipTextEncoder TextEncoder2 { get; }

    public ClipVisionEncoder ImageEncoder { get; }

    public Resampler Resampler { get; }

    public UNet2DConditionModel UNet { get; }

    public IpAdapterLayers AdapterLayers { get; }

    /// <summary>All that trains together.</summary>
    public IReadOnlyList<nn.Module> Trained => [TextEncoder, TextEncoder2, Resampler, UNet, AdapterLayers];

    /// <summary>Cosine schedule and v-prediction, as diffusers writes them.</summary>
    public static object SchedulerJson => new
    {
        _class_name = "DDIMScheduler",
        beta_end = 0.02,
        beta_schedule = "squaredcos_cap_v2",
        beta_start = 0.0001,
        clip_sample = false,
        num_train_timesteps = 1000,
        prediction_type = "v_prediction",
        set_alpha_to_one = true,
        steps_offset = 0,
        timestep_spacing = "trailing",
    };

    /// <summary>
    /// Writes the folder that <c>PersonalizedModel.Load</c> reads; the autoencoder and the tokenizers are there already, the adapter comes last.
    /// </summary>
    public void Write(TrainingContext context)
    {
        string Folder(string name) => context.OutputFolder("generator", name);
        TrainingContext.WriteModel(Folder("text_encoder"), "model.safetensors", TextJson("CLIPTextModel"), TextEncoder);
        TrainingContext.WriteModel(Folder("text_encoder_2"), "model.safetensors", TextJson("CLIPTextModelWithProjection"), TextEncoder2);
        TrainingContext.WriteModel(Folder("image_encoder"), "model.safetensors", ImageJson(), ImageEncoder);
        TrainingContext.WriteModel(Folder("unet"), "diffusion_pytorch_model.safetensors", UNetJson(), UNet);
        TrainingContext.WriteJson(Folder("scheduler"), "scheduler_config.json", SchedulerJson);
        IpAdapterFile.Write(context.WorkFile(FullAdapter), new IpAdapterModel(Resampler, AdapterLayers), ScalarType.Float16);
    }

    /// <summary>Writes what makes the folder a pipeline.</summary>
    public static void WriteIndex(TrainingContext context)
        => TrainingContext.WriteJson(context.OutputFolder("generator"), "model_index.json", new Dictionary<string, object>
        {
            ["_class_name"] = "StableDiffusionXLPipeline",
            ["image_encoder"] = new[] { "transformers", "CLIPVisionModelWithProjection" },
            ["scheduler"] = new[] { "diffusers", "DDIMScheduler" },
            ["text_encoder"] = new[] { "transformers", "CLIPTextModel" },
            ["text_encoder_2"] = new[] { "transformers", "CLIPTextModelWithProjection" },
            ["tokenizer"] = new[] { "transformers", "CLIPTokenizer" },
            ["tokenizer_2"] = new[] { "transformers", "CLIPTokenizer" },
            ["unet"] = new[] { "diffusers", "UNet2DConditionModel" },
            ["vae"] = new[] { "diffusers", "AutoencoderKL" },
        });

    /// <summary>Reads back what <see cref="Write"/> wrote.</summary>
    public void Read(TrainingContext context)
    {
        void Load(nn.Module module, string path, string prefix = "")
        {
            using ITensorFile file = WeightsFile.Open(path);
            StateDictLoader.Load(module, file, prefix);
        }

        Load(TextEncoder, context.OutputFolder("generator", "text_encoder", "model.safetensors"));
        Load(TextEncoder2, context.OutputFolder("generator", "text_encoder_2", "model.safetensors"));
        Load(ImageEncoder, context.OutputFolder("generator", "image_encoder", "model.safetensors"));
        Load(UNet, context.OutputFolder("generator", "unet", "diffusion_pytorch_model.safetensors"));
        Load(Resampler, context.WorkFile(FullAdapter), "image_proj.");
        Load(AdapterLayers, context.WorkFile(FullAdapter), "ip_adapter.");
    }

    /// <summary>Writes the adapter that is shipped.</summary>
    public void WriteAdapter(TrainingContext context)
        => IpAdapterFile.Write(context.OutputFolder("generator", "ip_adapter.safetensors"), new IpAdapterModel(Resampler, AdapterLayers), ScalarType.Float16);

    public void Dispose()
    {
        foreach (nn.Module module in Trained)
            module.Dispose();
        ImageEncoder.Dispose();
    }

    private ClipTextConfig TextConfig(int? projection) => new()
    {
        HiddenSize = TextWidth,
        NumLayers = 2,
        NumHeads = 2,
        IntermediateSize = 2 * TextWidth,
        Activation = ClipActivation.Gelu,
        ProjectionDim = projection,
        VocabularySize = _vocabularySize,
        MaxPositions = TokenizerStage.MaxLength,
        EosTokenId = _vocabularySize - 1,
    };

    private object TextJson(string architecture) => new
    {
        architectures = new[] { architecture },
        bos_token_id = _vocabularySize - 2,
        eos_token_id = _vocabularySize - 1,
        pad_token_id = _vocabularySize - 1,
        hidden_act = "gelu",
        hidden_size = TextWidth,
        intermediate_size = 2 * TextWidth,
        layer_norm_eps = 1e-5,
        max_position_embeddings = TokenizerStage.MaxLength,
        model_type = "clip_text_model",
        num_attention_heads = 2,
        num_hidden_layers = 2,
        projection_dim = TextWidth,
        vocab_size = _vocabularySize,
    };

    private static object ImageJson() => new
    {
        architectures = new[] { "CLIPVisionModelWithProjection" },
        hidden_act = "gelu",
        hidden_size = ImageWidth,
        image_size = 64,
        intermediate_size = 2 * ImageWidth,
        layer_norm_eps = 1e-5,
        model_type = "clip_vision_model",
        num_attention_heads = 3,
        num_channels = 3,
        num_hidden_layers = ImageLayers,
        patch_size = 8,
        projection_dim = TextWidth,
    };

    private static object UNetJson() => new
    {
        _class_name = "UNet2DConditionModel",
        act_fn = "silu",
        addition_embed_type = "text_time",
        addition_time_embed_dim = SizeEmbedding,
        attention_head_dim = HeadCounts,
        block_out_channels = ChannelCounts,
        cross_attention_dim = ContextWidth,
        down_block_types = Down,
        flip_sin_to_cos = true,
        freq_shift = 0,
        in_channels = VaeStage.LatentChannels,
        layers_per_block = 1,
        mid_block_type = "UNetMidBlock2DCrossAttn",
        norm_eps = 1e-5,
        norm_num_groups = 8,
        out_channels = VaeStage.LatentChannels,
        projection_class_embeddings_input_dim = TextWidth + 6 * SizeEmbedding,
        sample_size = 16,
        transformer_layers_per_block = 1,
        up_block_types = Up,
        use_linear_projection = true,
    };
}
