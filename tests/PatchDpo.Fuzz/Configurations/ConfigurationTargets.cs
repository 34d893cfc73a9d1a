using PatchDpo.Tests;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion.Samplers;
using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Diffusion.Vae;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Vision.Cnn;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Fuzz.Configurations;

/// <summary>The configurations of small models of every kind that this library loads.</summary>
internal static class ConfigurationTargets
{
    private const int TextWidth = 12;

    private static readonly ImageBuffer TinyImage = TinyPersonalizedModel.Image(1);

    /// <summary>Writes the models below a folder.</summary>
    public static IEnumerable<ConfigurationTarget> Create(string folder) =>
    [
        .. Generator(folder, TinyFamily.Sd15, TinyAdapter.Linear), .. Generator(folder, TinyFamily.Sdxl, TinyAdapter.Plus), .. Generator(
            folder, TinyFamily.Sd15, TinyAdapter.Full),
        .. Encoders(folder), Clip(folder), ResNet(folder), Vgg(folder),
    ];

    private static IEnumerable<ConfigurationTarget> Generator(string parent, TinyFamily family, TinyAdapter adapter)
    {
        string name = $"{family} {adapter}", folder = TinyPersonalizedModel.Write(
            Path.Combine(parent, $"{family}-{adapter}"), family: family, adapter: adapter, textWidth: TextWidth);
        bool isXl = family == TinyFamily.Sdxl;
        string At(params string[] parts) => Path.Combine([folder, .. parts]);
        ConfigurationTarget Target(string part, string file, Action load, IReadOnlyDictionary<string, string> more)
            => new($"{name} {part}/{file}", At(part, file), load, () => LoadWhole(folder), more);

        yield return new($"{name} model_index.json", At("model_index.json"), () => LoadWhole(folder), null, None);
        yield return Target("image_encoder", "config.json", () => Use(ClipVisionEncoder.FromFolder(At("image_encoder")), e => EncodeImage(e)),
            ConfigurationFields.Clip);
        // The second adapter of a family has the same other parts.
        if (adapter == TinyAdapter.Full)
            yield break;
        yield return Target("unet", "config.json", () => Use(UNet2DConditionModel.FromFolder(At("unet")), u => Predict(u, isXl)), ConfigurationFields.UNet);
        yield return Target("vae", "config.json", () => Use(AutoencoderKL.FromFolder(At("vae")), v => v.call(zeros(1, 3, 16, 16))), ConfigurationFields.Vae);
        yield return Target("scheduler", "scheduler_config.json", () => Sample(At("scheduler", "scheduler_config.json")), ConfigurationFields.Scheduler);
        foreach (string suffix in isXl ? new[] { "", "_2" } : [""])
        {
            string text = At("text_encoder" + suffix), tokenizer = At("tokenizer" + suffix);
            yield return Target("text_encoder" + suffix, "config.json", ()
                => Use(ClipTextEncoder.FromFolder(text), e
                => e.Encode(zeros([1, Math.Min(4, e.Config.MaxPositions)], ScalarType.Int64))), ConfigurationFields.Clip);
            foreach (string file in Directory.GetFiles(tokenizer, "*.json").Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal))
                yield return Target("tokenizer" + suffix, file, () => Tokenize(ClipTokenizer.FromFolder(tokenizer)), file == "tokenizer_config.json"
                    ? ConfigurationFields.Tokenizer : None);
        }
    }

    private static IEnumerable<ConfigurationTarget> Encoders(string parent)
    {
        foreach (string kind in new[] { "DINO", "DINOv2", "CLIP" })
        {
            string folder = Path.Combine(parent, $"encoder-{kind}");
            using (ITrainableVisionEncoder encoder = TinyEncoders.Create(kind))
                PatchEncoder.Save(encoder, folder);
            yield return new($"{kind} config.json", Path.Combine(folder, "config.json"), ()
                => Use(PatchEncoder.FromFolder(folder), EncodeImage), null, ConfigurationFields.Vit);
        }
    }

    private static ConfigurationTarget Clip(string parent)
    {
        string folder = Path.Combine(parent, "clip-model");
        TinyPersonalizedModel.WriteTokenizer(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), """
            {"model_type": "clip", "projection_dim": 6,
             "text_config": {"hidden_size": 12, "intermediate_size": 20, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 514, "max_position_embeddings": 16, "eos_token_id": 513, "hidden_act": "gelu"},
             "vision_config": {"hidden_size": 12, "intermediate_size": 20, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 32, "patch_size": 16, "layer_norm_eps": 1e-5}}
            """);
        ModelConfig json = ModelConfig.Read(Path.Combine(folder, "config.json"));
        using (ClipModel model = new(ClipTextConfig.FromJson(json), ClipVisionConfig.FromJson(json), ClipTokenizer.FromFolder(folder)))
            SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), model.state_dict());
        return new("CLIP model config.json", Path.Combine(folder, "config.json"), () => Use(ClipModel.FromFolder(folder), m =>
        {
            m.EncodeCheckedTexts(["a cat"]);
            m.EncodeCheckedImages(m.Preprocessor.Preprocess(TinyImage).unsqueeze(0));
        }), null, None);
    }

    private static ConfigurationTarget ResNet(string parent)
    {
        string folder = Directory.CreateDirectory(Path.Combine(parent, "resnet")).FullName, file = Path.Combine(folder, "config.json");
        File.WriteAllText(file, """{"block": "Bottleneck", "layers": [1, 2, 1, 1], "width": 4, "num_classes": 5}""");
        using (ResNet network = new(ResNetConfig.FromJson(ModelConfig.Read(file))))
            SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), network.state_dict());
        return new("ResNet config.json", file, () => Use(Torch.Vision.Cnn.ResNet.FromFolder(folder), e => e.EncodePatches(rand(1, 3, 64, 64))), null, None);
    }

    private static ConfigurationTarget Vgg(string parent)
    {
        string folder = Directory.CreateDirectory(Path.Combine(parent, "vgg")).FullName, file = Path.Combine(folder, "config.json");
        File.WriteAllText(file, """{"layers": [4, 0, 6, 0, 8, 0], "num_classes": 1000}""");
        using (Vgg network = new(VggConfig.FromJson(ModelConfig.Read(file)) with { NumClasses = null }))
            SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), network.state_dict());
        return new("VGG config.json", file, () => Use(Torch.Vision.Cnn.Vgg.FromFolder(folder), e => e.EncodePatches(rand(1, 3, 64, 64))), null, None);
    }

    private static readonly IReadOnlyDictionary<string, string> None = new Dictionary<string, string>();

    private static void LoadWhole(string folder)
    {
        using PersonalizedModel model = PersonalizedModel.Load(folder);
        model.Generate([new GenerationRequest("a cat", [TinyImage])], new GenerationOptions { Steps = 2, Sampler = SamplerKind.Euler,
            Width = 8 * model.LatentScale, Height = 8 * model.LatentScale, GuidanceScale = 2 });
    }

    private static void Predict(UNet2DConditionModel unet, bool isXl)
        => unet.forward(zeros(1, unet.Config.InChannels, 8, 8), ones(1), zeros(1, 4, isXl ? 2 * TextWidth : TextWidth), unet.Config.HasTextTimeEmbedding
            ? zeros(1, unet.Config.AdditionInputChannels - (6 * unet.Config.AdditionTimeEmbedDim)) : null, unet.Config.HasTextTimeEmbedding ? zeros(1, 6)
            : null);

    private static void Tokenize(ClipTokenizer tokenizer)
    {
        using Tensor ids = tokenizer.EncodeBatch(["a cat", ""]);
    }

    private static void Sample(string file)
    {
        using DisposeScope scope = NewDisposeScope();
        NoiseSchedule schedule = new(NoiseScheduleConfig.FromJson(ModelConfig.Read(file)));
        foreach (SamplerKind kind in Enum.GetValues<SamplerKind>())
        {
            using ISampler sampler = schedule.CreateSampler(kind);
            sampler.SetTimesteps(Math.Min(4, schedule.TrainTimesteps));
            Tensor latents = ones(1, 4, 2, 2);
            for (int i = 0; i < sampler.Timesteps.Count; i++)
                latents = sampler.Step(sampler.ScaleInput(latents, i), latents, i, sampler.AddsNoise(i) ? ones_like(latents) : null);
        }
    }

    private static void EncodeImage(IVisionEncoder encoder) => encoder.EncodePatches(encoder.Preprocessor.Preprocess(TinyImage).unsqueeze(0));

    private static void Use<T>(T model, Action<T> use) where T : IDisposable
    {
        using (model)
        {
            using DisposeScope scope = NewDisposeScope();
            using IDisposable noGrad = no_grad();
            use(model);
        }
    }
}
