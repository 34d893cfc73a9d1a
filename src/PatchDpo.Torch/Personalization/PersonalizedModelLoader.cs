using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Diffusion.IpAdapter;
using PatchDpo.Torch.Text;
using PatchDpo.Torch.Vision;
using PatchDpo.Torch.Weights;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Personalization;

/// <summary>Reads a personalised model's folder; a failure leaves nothing loaded.</summary>
internal sealed class PersonalizedModelLoader
{
    private readonly string _folder;
    private readonly Device _device;
    private readonly ScalarType _dtype;
    private readonly List<nn.Module> _loaded = [];

    private PersonalizedModelLoader(string folder, Device device, ScalarType dtype)
    {
        _folder = folder;
        _device = device;
        _dtype = dtype;
    }

    /// <summary>Loads all parts, frozen; the adapter layers become the caller's.</summary>
    public static (PersonalizedModelParts Parts, IpAdapterLayers Layers) Load(string folder, string? adapterFile, Device device, ScalarType dtype)
    {
        var loader = new PersonalizedModelLoader(folder, device, dtype);
        try
        {
            return loader.Load(adapterFile);
        }
        catch
        {
            loader._loaded.ForEach(m => m.Dispose());
            throw;
        }
    }

    private (PersonalizedModelParts, IpAdapterLayers) Load(string? adapterFile)
    {
        ModelConfig index = ModelConfig.Read(ModelFolder.RequireFile(_folder, "model_index.json"));
        adapterFile ??= ModelFolder.RequireFile(_folder, "ip_adapter.safetensors");
        // What is missing is said before gigabytes are read.
        if (!File.Exists(adapterFile))
            throw new FileNotFoundException($"There is no adapter file '{adapterFile}'.", adapterFile);
        foreach (string part in new[] { "unet", "vae", "image_encoder" })
            ModelFolder.RequireFile(Folder(part), "config.json");
        var schedule = NoiseScheduleConfig.ForTraining(ModelConfig.Read(ModelFolder.RequireFile(Folder("scheduler"), "scheduler_config.json")));
        ITextConditioning text = LoadText(index);
        UNet2DConditionModel unet = Frozen(UNet2DConditionModel.FromFolder(Folder("unet"), _device, _dtype));
        CheckFit(text, unet.Config);
        if (unet.Config.SampleSize is not int sampleSize)
            throw UNetFault("sample_size", "the field is missing; it gives the size of the images.");
        // Float32 whatever the rest is, as the official code has it: SDXL's autoencoder overflows in float16.
        AutoencoderKL vae = Frozen(AutoencoderKL.FromFolder(Folder("vae"), _device, ScalarType.Float32));
        if (unet.Config.InChannels != vae.Config.LatentChannels || unet.Config.OutChannels != vae.Config.LatentChannels)
            throw UNetFault("in_channels", $"{unet.Config.InChannels} channels in and {unet.Config.OutChannels} out are not the autoencoder's {vae.Config.LatentChannels}.");
        ClipVisionEncoder imageEncoder = Frozen(ClipVisionEncoder.FromFolder(Folder("image_encoder"), _device, _dtype));
        // Float32 too: small beside the rest, and trained in it, so that a saved adapter is loaded as it was.
        IpAdapterModel adapter = IpAdapterFile.Read(adapterFile, unet.Config, _device, _dtype, layersDtype: ScalarType.Float32);
        Frozen(adapter.Projection);
        Frozen(adapter.Layers);
        CheckFit(imageEncoder.Config, adapter.Projection, adapterFile);

        return (new PersonalizedModelParts
        {
            FolderPath = _folder,
            Device = _device,
            DType = _dtype,
            UNet = unet,
            Vae = vae,
            Text = text,
            References = new ReferenceEncoder(imageEncoder, adapter.Projection, _dtype),
            Schedule = new NoiseSchedule(schedule),
            ImageSize = sampleSize * vae.Config.LatentScale,
        }, adapter.Layers);
    }

    // The one place that tells the families apart.
    private ITextConditioning LoadText(ModelConfig index)
    {
        Func<ITextConditioning> load = index.GetChoice<Func<ITextConditioning>>("_class_name", null,
            ("StableDiffusionPipeline", () => new SingleTextConditioning(LoadTower(""))), ("StableDiffusionXLPipeline", LoadDualText));
        return load();
    }

    private DualTextConditioning LoadDualText()
    {
        TextTower first = LoadTower(""), second = LoadTower("_2");
        if (second.Tokenizer.MaxLength != first.Tokenizer.MaxLength)
            throw new ModelConfigException(TokenizerConfig("_2"), "model_max_length", $"{second.Tokenizer.MaxLength} is not the first tokenizer's {first.Tokenizer.MaxLength}.");
        if (second.Encoder.Config.ProjectionDim is null)
            throw new ModelConfigException(Path.Combine(Folder("text_encoder_2"), "config.json"), "projection_dim", "the second text encoder needs a projection.");
        return new DualTextConditioning(first, second);
    }

    private TextTower LoadTower(string suffix)
    {
        ClipTokenizer tokenizer = ClipTokenizer.FromFolder(Folder("tokenizer" + suffix));
        ClipTextEncoder encoder = Frozen(ClipTextEncoder.FromFolder(Folder("text_encoder" + suffix), _device, _dtype));
        if (tokenizer.MaxLength > encoder.Config.MaxPositions)
            throw new ModelConfigException(TokenizerConfig(suffix), "model_max_length", $"{tokenizer.MaxLength} ids are more than the text encoder's {encoder.Config.MaxPositions} positions.");
        if (tokenizer.VocabularySize > encoder.Config.VocabularySize)
            throw new ModelConfigException(Path.Combine(Folder("tokenizer" + suffix), "vocab.json"), null, $"{tokenizer.VocabularySize} tokens are more than the text encoder's {encoder.Config.VocabularySize}.");
        return new TextTower(encoder, tokenizer);
    }

    private void CheckFit(ITextConditioning text, UNetConfig unet)
    {
        if (unet.AttentionLayers().FirstOrDefault(l => l.ContextChannels is int c && c != text.Width) is { } layer)
            throw UNetFault("cross_attention_dim", $"the network takes text of width {layer.ContextChannels}, but the text encoders give {text.Width}.");
        if (unet.HasTextTimeEmbedding != (text.PooledWidth is not null))
            throw UNetFault("addition_embed_type", $"a pipeline {(unet.HasTextTimeEmbedding ? "without pooled text takes none" : "with two text encoders takes \"text_time\"")}.");
        if (text.PooledWidth is int pooled && unet.AdditionInputChannels != (6 * unet.AdditionTimeEmbedDim) + pooled)
            throw UNetFault("projection_class_embeddings_input_dim", $"{unet.AdditionInputChannels} is not {(6 * unet.AdditionTimeEmbedDim) + pooled}, the widths of six sizes and the pooled text.");
    }

    private void CheckFit(ClipVisionConfig encoder, nn.Module<Tensor, Tensor> projection, string adapterFile)
    {
        (string field, int? given) = ReferenceEncoder.TakesEmbedding(projection) ? ("projection_dim", encoder.ProjectionDim) : ("hidden_size", encoder.HiddenSize);
        int taken = projection switch
        {
            LinearImageProjection p => p.InputChannels,
            MlpImageProjection p => p.InputChannels,
            Resampler p => p.Options.InputChannels,
            _ => throw new InvalidOperationException($"The image projection {projection.GetType().Name} is unknown."),
        };
        if (given != taken)
        {
            throw new ModelConfigException(Path.Combine(Folder("image_encoder"), "config.json"), field,
                $"the adapter '{adapterFile}' takes image features of width {taken}, but this image encoder {(given is null ? "has no projection to give any" : $"gives {given}")}.");
        }
    }

    private ModelConfigException UNetFault(string field, string problem) => new(Path.Combine(Folder("unet"), "config.json"), field, problem);

    private string TokenizerConfig(string suffix) => Path.Combine(Folder("tokenizer" + suffix), "tokenizer_config.json");

    private string Folder(string part) => Path.Combine(_folder, part);

    private T Frozen<T>(T module) where T : nn.Module
    {
        _loaded.Add(module);
        module.eval();
        foreach (TorchSharp.Modules.Parameter parameter in module.parameters())
            parameter.requires_grad = false;
        return module;
    }
}
