
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Diffusion.Vae;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Personalization;

/// <summary>What a single file of a published family does not say itself: the configurations of its parts, as the family's folder has them.</summary>
internal sealed record SingleFileLayout
{
    private const string Network = "model.diffusion_model.", Convolution = Network + "input_blocks.0.0.weight", OpenClip = ".model.ln_final.weight";

    /// <summary>The UNet's shape.</summary>
    public required UNetConfig UNet { get; init; }

    /// <summary>The autoencoder's shape.</summary>
    public required VaeConfig Vae { get; init; }

    /// <summary>The shape of the first text encoder.</summary>
    public required ClipTextConfig Text { get; init; }

    /// <summary>The shape of SDXL's second text encoder; null for Stable Diffusion 1.5.</summary>
    public ClipTextConfig? SecondText { get; init; }

    /// <summary>The <c>scheduler_config.json</c> of the family's folder.</summary>
    public required string Scheduler { get; init; }

    /// <summary>
    /// What files are taken for in this flow of control, whatever they look like; null (default): what they are. For tests, whose small models have
    /// no published family's sizes, where a saved model is loaded, which names a file and no layout.
    /// </summary>
    internal static AsyncLocal<SingleFileLayout?> Assumed { get; } = new();

    /// <summary>Stable Diffusion 1.5 (and 1.4, and what was trained from them).</summary>
    public static SingleFileLayout StableDiffusion15 { get; } = new()
    {
        UNet = new UNetConfig { SampleSize = 64, CrossAttentionDims = [768, 768, 768, 768] },
        Vae = new VaeConfig { ScalingFactor = 0.18215 },
        Text = new ClipTextConfig { HiddenSize = 768, NumLayers = 12, NumHeads = 12, VocabularySize = 49408 },
        Scheduler = """
            {"_class_name": "PNDMScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000,
             "set_alpha_to_one": false, "skip_prk_steps": true, "steps_offset": 1, "clip_sample": false, "prediction_type": "PREDICTION",
                 "timestep_spacing": "leading"}
            """,
    };

    /// <summary>SDXL base 1.0 (and what was trained from it).</summary>
    public static SingleFileLayout SdxlBase { get; } = new()
    {
        UNet = new UNetConfig
        {
            SampleSize = 128,
            DownBlockTypes = [UNetConfig.Down, UNetConfig.CrossDown, UNetConfig.CrossDown],
            UpBlockTypes = [UNetConfig.CrossUp, UNetConfig.CrossUp, UNetConfig.Up],
            BlockOutChannels = [320, 640, 1280],
            LayersPerBlock = [2, 2, 2],
            TransformerLayers = [1, 2, 10],
            AttentionHeads = [5, 10, 20],
            CrossAttentionDims = [2048, 2048, 2048],
            UseLinearProjection = true,
            HasTextTimeEmbedding = true,
        },
        Vae = new VaeConfig(),
        Text = StableDiffusion15.Text,
        SecondText = new ClipTextConfig { HiddenSize = 1280, NumLayers = 32, NumHeads = 20, VocabularySize = 49408, Activation = ClipActivation.Gelu,
            ProjectionDim = 1280 },
        Scheduler = """
            {"_class_name": "EulerDiscreteScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000,
             "interpolation_type": "linear", "steps_offset": 1, "prediction_type": "PREDICTION", "timestep_spacing": "leading", "use_karras_sigmas": false}
            """,
    };

    /// <summary>The layout of the family whose keys and shapes a file has.</summary>
    /// <exception cref="UnknownModelException">It is another family, a part, or something else: the message says which.</exception>
    public static SingleFileLayout Of(ITensorFile file)
    {
        if (Assumed.Value is SingleFileLayout assumed)
            return assumed;
        SingleFileLayout layout = Family(file);
        if (!file.Keys.Any(k => k.StartsWith("first_stage_model.", StringComparison.Ordinal)))
            throw Unknown(file, "it has no autoencoder (first_stage_model.*): this is a part of a model; give the whole file, or a folder in diffusers' "
                + "layout.");
        long channels = file.Shape(Convolution) is [_, long c, ..] ? c : 0;
        if (channels != layout.UNet.InChannels)
        {
            string kind = channels switch { 9 => "a model for inpainting", 8 => "a model for editing pictures (InstructPix2Pix)",
                _ => "a model of another kind" };
            throw Unknown(file, $"this is {kind}, whose network takes {channels} channels; give a plain Stable Diffusion 1.5 or SDXL model.");
        }
        return layout;
    }

    /// <summary>The scheduler's configuration, with what SDXL's fine-tunings note in the file about what their network predicts.</summary>
    public ModelConfig SchedulerOf(ITensorFile file)
    {
        string json = Scheduler.Replace("PREDICTION", file.Contains("v_pred") ? "v_prediction" : "epsilon", StringComparison.Ordinal).TrimEnd();
        return ModelConfig.Parse(file.Contains("ztsnr") ? json[..^1] + ", \"rescale_betas_zero_snr\": true}" : json, file.Path);
    }

    private static SingleFileLayout Family(ITensorFile file)
    {
        const string Supported = "Stable Diffusion 1.5 and SDXL base are supported.";
        if (!file.Contains(Convolution))
        {
            string kind = TensorFileKind.Describe(file) ?? $"a file of {file.Keys.Count} tensors";
            string next = kind == TensorFileKind.IpAdapter ? "give it as the adapter (--adapter), and a model beside it."
                : $"give a whole model in one file (model.diffusion_model.*), or a folder in diffusers' layout; {Supported}";
            throw Unknown(file, $"this is no Stable Diffusion model but {kind}; {next}");
        }
        if (file.Contains("cond_stage_model" + OpenClip))
            throw Unknown(file, $"this is Stable Diffusion 2; {Supported}");
        if (file.Contains("conditioner.embedders.1" + OpenClip))
            return SdxlBase;
        if (file.Contains("conditioner.embedders.0" + OpenClip))
            throw Unknown(file, $"this is SDXL's refiner, which takes no image prompt; {Supported}");
        if (file.Keys.Any(k => k.StartsWith("cond_stage_model.transformer.", StringComparison.Ordinal)))
            return StableDiffusion15;
        throw Unknown(file, "it has no text encoder (cond_stage_model.*, conditioner.*): this is a part of a model; give the whole file, or a folder in "
            + "diffusers' layout.");
    }

    private static UnknownModelException Unknown(ITensorFile file, string problem) => new(file.Path, null, problem);
}
