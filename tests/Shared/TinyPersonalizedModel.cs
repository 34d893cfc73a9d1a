using System.Text.Json;
using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Diffusion.Vae;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Tests;

/// <summary>
/// Writes a whole personalised model of a few thousand random weights, in the folder layout of a real one: images of 32 pixels, latents of 4 x 8 x 8.
/// </summary>
internal static class TinyPersonalizedModel
{
    public const int ImageSize = 32;

    private const int PooledWidth = 10, VisionWidth = 16, MaxTokens = 16;

    private static readonly string[] SpecialTokens = ["<|startoftext|>", "<|endoftext|>"];

    /// <summary>Writes the folder.</summary>
    /// <param name="folder">Made where it is missing.</param>
    /// <param name="seed">Of the weights.</param>
    /// <param name="prediction">prediction_type of the schedule.</param>
    /// <param name="sampler">Class name of the scheduler, as diffusers calls it.</param>
    /// <param name="family">Which pipeline the folder is of.</param>
    /// <param name="adapter">Which adapter it has.</param>
    /// <param name="textWidth">Width of a text encoder.</param>
    /// <returns>The folder.</returns>
    public static string Write(
        string folder, long seed = 1, string prediction = "epsilon", string sampler = "EulerDiscreteScheduler",
        TinyFamily family = TinyFamily.Sdxl, TinyAdapter adapter = TinyAdapter.Plus, int textWidth = 12)
    {
        using DisposeScope scope = NewDisposeScope();
        random.manual_seed(seed);
        bool isXl = family == TinyFamily.Sdxl;
        WriteJson(folder, "model_index.json", new { _class_name = isXl ? "StableDiffusionXLPipeline"
            : "StableDiffusionPipeline", _diffusers_version = "0.23.1" });
        WriteJson(Path.Combine(folder, "scheduler"), "scheduler_config.json", new
        {
            _class_name = sampler,
            beta_start = 0.00085,
            beta_end = 0.012,
            beta_schedule = "scaled_linear",
            num_train_timesteps = 1000,
            prediction_type = prediction,
            timestep_spacing = "leading",
            steps_offset = 1,
            clip_sample = false,
            set_alpha_to_one = false,
            skip_prk_steps = true,
        });
        UNetConfig unet = UNetConfig.FromJson(WriteJson(Path.Combine(folder, "unet"), "config.json", new
        {
            _class_name = "UNet2DConditionModel",
            sample_size = ImageSize / 4,
            in_channels = 4,
            out_channels = 4,
            down_block_types = isXl ? new[] { "DownBlock2D", "CrossAttnDownBlock2D" } : ["CrossAttnDownBlock2D", "DownBlock2D"],
            up_block_types = isXl ? new[] { "CrossAttnUpBlock2D", "UpBlock2D" } : ["UpBlock2D", "CrossAttnUpBlock2D"],
            block_out_channels = new[] { 8, 16 },
            layers_per_block = 1,
            attention_head_dim = isXl ? (object)new[] { 1, 2 } : 2,
            transformer_layers_per_block = new[] { 1, 1 },
            use_linear_projection = isXl,
            addition_embed_type = isXl ? "text_time" : null,
            addition_time_embed_dim = isXl ? 8 : (int?)null,
            projection_class_embeddings_input_dim = isXl ? (6 * 8) + PooledWidth : (int?)null,
            cross_attention_dim = isXl ? 2 * textWidth : textWidth,
            norm_num_groups = 4,
        }));
        Save(folder, "unet", new UNet2DConditionModel(unet));
        VaeConfig vae = VaeConfig.FromJson(WriteJson(Path.Combine(folder, "vae"), "config.json", new
        {
            _class_name = "AutoencoderKL",
            down_block_types = Enumerable.Repeat("DownEncoderBlock2D", 3),
            up_block_types = Enumerable.Repeat("UpDecoderBlock2D", 3),
            block_out_channels = new[] { 8, 8, 16 },
            layers_per_block = 1,
            latent_channels = 4,
            norm_num_groups = 4,
            scaling_factor = 0.5,
        }));
        Save(folder, "vae", new AutoencoderKL(vae));
        foreach (string suffix in isXl ? new[] { "", "_2" } : [""])
        {
            WriteText(folder, "text_encoder" + suffix, textWidth, suffix.Length == 0 ? null : PooledWidth);
            WriteTokenizer(Path.Combine(folder, "tokenizer" + suffix));
        }
        WriteVision(folder);
        WriteAdapter(Path.Combine(folder, "ip_adapter.safetensors"), unet, adapter);
        return folder;
    }

    /// <summary>Writes an adapter with random weights for a UNet and this model's image encoder.</summary>
    public static void WriteAdapter(string path, UNetConfig unet, TinyAdapter adapter)
    {
        int width = unet.CrossAttentionDims[0];
        using var model = new IpAdapterModel(
            adapter switch
            {
                TinyAdapter.Linear => new LinearImageProjection(PooledWidth, width),
                TinyAdapter.Full => new MlpImageProjection(VisionWidth, width),
                _ => new Resampler(new ResamplerOptions { Channels = 16, Layers = 1, HeadChannels = 8, Heads = 2, Tokens = 4, InputChannels = VisionWidth,
                    OutputChannels = width }),
            },
            new IpAdapterLayers(unet));
        IpAdapterFile.Write(path, model);
    }

    /// <summary>The ids of a prompt of ASCII letters and spaces, padded as CLIP's tokenizer pads: (1,16).</summary>
    public static Tensor Ids(string prompt)
    {
        List<long> ids = [512, .. prompt.Split(' ').SelectMany(w => w.Select((c, i) => i == w.Length - 1 ? 256L + c : c)), 513];
        return tensor(ids.Concat(Enumerable.Repeat(513L, MaxTokens - ids.Count)).ToArray()).unsqueeze(0);
    }

    /// <summary>Rewrites all weights but the adapter's in float16, under the names that diffusers gives such files.</summary>
    public static void ConvertToHalf(string folder)
    {
        using DisposeScope scope = NewDisposeScope();
        foreach (string path in Directory.GetFiles(folder, "*model.safetensors", SearchOption.AllDirectories))
        {
            using (SafetensorsFile file = SafetensorsFile.Open(path))
                SafetensorsWriter.Write(Path.ChangeExtension(path, ".fp16.safetensors"), file.ReadAll().ToDictionary(t => t.Key, t => t.Value.half()));
            File.Delete(path);
        }
    }

    /// <summary>A smooth image of its own for every number.</summary>
    public static ImageBuffer Image(int number, int width = ImageSize, int height = ImageSize)
    {
        byte[] pixels = new byte[width * height * 3];
        for (int i = 0; i < pixels.Length; i++)
        {
            int x = i / 3 % width, y = i / 3 / width, c = i % 3;
            pixels[i] = (byte)(128 + (100 * Math.Sin((number * 1.7) + (c * 2.1) + (x * 0.2 * (1 + (number % 3))) + (y * 0.15))));
        }
        return new ImageBuffer(width, height, 3, pixels);
    }

    private static void WriteText(string folder, string part, int width, int? projection)
    {
        int end = (2 * 256) + 1;
        WriteJson(Path.Combine(folder, part), "config.json", new
        {
            architectures = new[] { projection is null ? "CLIPTextModel" : "CLIPTextModelWithProjection" },
            model_type = "clip_text_model",
            hidden_size = width,
            intermediate_size = 24,
            num_hidden_layers = 2,
            num_attention_heads = 2,
            vocab_size = end + 1,
            max_position_embeddings = MaxTokens,
            eos_token_id = end,
            hidden_act = "quick_gelu",
            layer_norm_eps = 1e-5,
            projection_dim = projection ?? PooledWidth,
        });
        Save(folder, part, new ClipTextEncoder(new ClipTextConfig
        {
            HiddenSize = width,
            IntermediateSize = 24,
            NumLayers = 2,
            NumHeads = 2,
            VocabularySize = end + 1,
            MaxPositions = MaxTokens,
            EosTokenId = end,
            ProjectionDim = projection,
        }));
    }

    /// <summary>Writes weights anew for the folder's UNet configuration, after a test has changed it.</summary>
    public static void RewriteUNet(string folder)
    {
        using DisposeScope scope = NewDisposeScope();
        Save(folder, "unet", new UNet2DConditionModel(UNetConfig.FromJson(ModelConfig.Read(Path.Combine(folder, "unet", "config.json")))));
    }

    /// <summary>Writes the image encoder.</summary>
    public static void WriteVision(string folder, int width = VisionWidth, int? projection = PooledWidth, int layers = 2)
    {
        WriteJson(Path.Combine(folder, "image_encoder"), "config.json", new
        {
            architectures = new[] { "CLIPVisionModelWithProjection" },
            model_type = "clip_vision_model",
            hidden_size = width,
            intermediate_size = 32,
            num_hidden_layers = layers,
            num_attention_heads = 2,
            image_size = ImageSize,
            patch_size = 16,
            hidden_act = "gelu",
            projection_dim = projection ?? PooledWidth,
        });
        Save(folder, "image_encoder", new ClipVisionEncoder(new ClipVisionConfig
        {
            HiddenSize = width,
            IntermediateSize = 32,
            NumLayers = layers,
            NumHeads = 2,
            ImageSize = ImageSize,
            PatchSize = 16,
            ProjectionDim = projection,
        }));
    }

    /// <summary>Bytes alone, without merges: GPT-2's printable character for each byte, with and without the end of a word.</summary>
    public static void WriteTokenizer(string folder)
    {
        var vocabulary = new Dictionary<string, int>();
        string[] characters = [.. ByteCharacters()];
        foreach (string token in characters.Concat(characters.Select(c => c + "</w>")).Concat(SpecialTokens))
            vocabulary.Add(token, vocabulary.Count);
        WriteJson(folder, "vocab.json", vocabulary);
        File.WriteAllText(Path.Combine(folder, "merges.txt"), "#version: 0.2\n");
        WriteJson(folder, "tokenizer_config.json", new { model_max_length = MaxTokens, bos_token = SpecialTokens[0], eos_token = SpecialTokens[1],
            pad_token = SpecialTokens[1], unk_token = SpecialTokens[1] });
    }

    private static IEnumerable<string> ByteCharacters()
    {
        int next = 256;
        for (int b = 0; b < 256; b++)
        {
            bool printable = b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            yield return ((char)(printable ? b : next++)).ToString();
        }
    }

    private static ModelConfig WriteJson(string folder, string name, object value)
    {
        Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, name);
        File.WriteAllText(path, JsonSerializer.Serialize(value));
        return ModelConfig.Read(path);
    }

    private static void Save(string folder, string part, nn.Module module)
    {
        using (module)
            SafetensorsWriter.Write(Path.Combine(folder, part, part is "unet" or "vae" ? "diffusion_pytorch_model.safetensors" : "model.safetensors"),
                module.state_dict());
    }
}
