using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Diffusion.Vae;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Personalization;

/// <summary>Reads a personalised model; a failure leaves nothing loaded.</summary>
internal sealed class PersonalizedModelLoader
{
    private readonly IGeneratorSource _source;
    private readonly PersonalizedModelOptions _options;
    private readonly Device _device;
    private readonly List<nn.Module> _loaded = [];

    private PersonalizedModelLoader(IGeneratorSource source, PersonalizedModelOptions options)
    {
        _source = source;
        _options = options;
        _device = options.Device ?? CPU;
    }

    /// <summary>Loads all parts, frozen; the adapter layers become the caller's.</summary>
    public static (PersonalizedModelParts Parts, AdapterLayers Layers) Load(string path, PersonalizedModelOptions options)
    {
        using IGeneratorSource source = File.Exists(path) ? SingleFileSource.Open(path, options) : new FolderSource(path, options.TokenizerPath);
        var loader = new PersonalizedModelLoader(source, options);
        try
        {
            return loader.Load();
        }
        catch
        {
            loader._loaded.ForEach(m => m.Dispose());
            throw;
        }
    }

    private (PersonalizedModelParts, AdapterLayers) Load()
    {
        // What is missing or of another kind is said before gigabytes are read.
        string adapterFile = _options.AdapterPath ?? _source.AdapterPath;
        WeightsFile.RefuseFolder(adapterFile);
        if (!File.Exists(adapterFile))
            throw new FileNotFoundException($"There is no adapter file '{adapterFile}'.", adapterFile);
        _source.RequireParts();
        string imageEncoderFolder = _options.ImageEncoderPath ?? _source.ImageEncoderPath;
        ModelFolder.RequireFile(imageEncoderFolder, "config.json");
        NoiseScheduleConfig schedule = ReadSchedule(_source.Scheduler);
        AdapterFamily family = _options.AdapterFamily is string name ? AdapterFamilies.Named(name) : AdapterFamilies.Of(adapterFile);
        family.Check(adapterFile, _source.UNetConfig);

        ITextConditioning text = LoadText();
        UNet2DConditionModel unet = Frozen(_source.OpenUNet(_device, _options.DType));
        CheckFit(text, unet.Config);
        if (unet.Config.SampleSize is not int sampleSize)
            throw UNetFault("sample_size", "the field is missing; it gives the size of the images.");
        // Float32 whatever the rest is, as the official code has it: SDXL's autoencoder overflows in float16.
        AutoencoderKL vae = Frozen(_source.OpenVae(_device, ScalarType.Float32));
        if (unet.Config.InChannels != vae.Config.LatentChannels || unet.Config.OutChannels != vae.Config.LatentChannels)
            throw UNetFault("in_channels", $"{unet.Config.InChannels} channels in and {unet.Config.OutChannels} out are not the autoencoder's "
                + $"{vae.Config.LatentChannels}.");
        Adapter adapter = family.Read(adapterFile, new AdapterHost(text, unet.Config, imageEncoderFolder, _device, _options.DType));

        return (new PersonalizedModelParts
        {
            FolderPath = _source.Path,
            Options = _options,
            Device = _device,
            DType = _options.DType,
            UNet = unet,
            Vae = vae,
            Text = text,
            AdapterFamily = family,
            References = adapter.Encoder,
            Schedule = new NoiseSchedule(schedule),
            ImageSize = sampleSize * vae.Config.LatentScale,
        }, adapter.Layers);
    }

    private NoiseScheduleConfig ReadSchedule(ModelConfig json)
        => _options.Sampler is null && !_options.RequiresSampler ? NoiseScheduleConfig.ForTraining(json) : NoiseScheduleConfig.FromJson(json, _options.Sampler);

    private ITextConditioning LoadText()
    {
        TextTower first = LoadTower(second: false);
        return _source.HasTwoTextEncoders ? LoadDualText(first, LoadTower(second: true)) : new SingleTextConditioning(first);
    }

    private DualTextConditioning LoadDualText(TextTower first, TextTower second)
    {
        if (second.Tokenizer.MaxLength != first.Tokenizer.MaxLength)
            throw _source.Fault("tokenizer_2", "tokenizer_config.json", "model_max_length",
                $"{second.Tokenizer.MaxLength} is not the first tokenizer's {first.Tokenizer.MaxLength}.");
        if (second.Encoder.Config.ProjectionDim is null)
            throw _source.Fault("text_encoder_2", "config.json", "projection_dim", "the second text encoder needs a projection.");
        return new DualTextConditioning(first, second);
    }

    private TextTower LoadTower(bool second)
    {
        string part = second ? "tokenizer_2" : "tokenizer";
        ClipTokenizer tokenizer = _source.OpenTokenizer(second);
        ClipTextEncoder encoder = Frozen(_source.OpenTextEncoder(second, _device, _options.DType));
        if (tokenizer.MaxLength > encoder.Config.MaxPositions)
            throw _source.Fault(part, "tokenizer_config.json", "model_max_length",
                $"{tokenizer.MaxLength} ids are more than the text encoder's {encoder.Config.MaxPositions} positions.");
        tokenizer.CheckIds(encoder.Config);
        return new TextTower(encoder, tokenizer);
    }

    private void CheckFit(ITextConditioning text, UNetConfig unet)
    {
        if (unet.AttentionLayers().FirstOrDefault(l => l.ContextChannels is int c && c != text.Width) is { } layer)
            throw UNetFault("cross_attention_dim", $"the network takes text of width {layer.ContextChannels}, but the text encoders give {text.Width}.");
        if (unet.HasTextTimeEmbedding != (text.PooledWidth is not null))
            throw UNetFault("addition_embed_type",
                $"a pipeline {(unet.HasTextTimeEmbedding ? "without pooled text takes none" : "with two text encoders takes \"text_time\"")}.");
        if (text.PooledWidth is int pooled && unet.AdditionInputChannels != (6 * unet.AdditionTimeEmbedDim) + pooled)
            throw UNetFault("projection_class_embeddings_input_dim", $"{unet.AdditionInputChannels} is not {(6 * unet.AdditionTimeEmbedDim) + pooled}, the "
                + "widths of six sizes and the pooled text.");
    }

    private ModelConfigException UNetFault(string field, string problem) => _source.Fault("unet", "config.json", field, problem);

    private T Frozen<T>(T module) where T : nn.Module
    {
        _loaded.Add(module);
        return module.Frozen();
    }
}
