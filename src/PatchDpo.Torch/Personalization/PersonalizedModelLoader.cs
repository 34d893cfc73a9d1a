using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Diffusion.IpAdapter;
using PatchDpo.Torch.Images;
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
    private readonly List<nn.Module> _loaded = [];

    private PersonalizedModelLoader(string folder, Device device)
    {
        _folder = folder;
        _device = device;
    }

    /// <summary>Loads all parts, frozen; the adapter layers become the caller's.</summary>
    public static (PersonalizedModelParts Parts, IpAdapterLayers Layers) Load(string folder, string? adapterFile, Device device)
    {
        var loader = new PersonalizedModelLoader(folder, device);
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
        ModelFolder.RequireFile(_folder, "model_index.json");
        adapterFile ??= ModelFolder.RequireFile(_folder, "ip_adapter.safetensors");
        var schedule = NoiseScheduleConfig.FromJson(ModelConfig.Read(ModelFolder.RequireFile(Folder("scheduler"), "scheduler_config.json")));
        ClipTokenizer tokenizer = ClipTokenizer.FromFolder(Folder("tokenizer")), tokenizer2 = ClipTokenizer.FromFolder(Folder("tokenizer_2"));
        if (tokenizer.MaxLength != tokenizer2.MaxLength)
            throw new ModelConfigException(Path.Combine(Folder("tokenizer_2"), "tokenizer_config.json"), "model_max_length", $"{tokenizer2.MaxLength} is not the first tokenizer's {tokenizer.MaxLength}.");

        UNet2DConditionModel unet = Frozen(UNet2DConditionModel.FromFolder(Folder("unet"), _device));
        string unetConfig = Path.Combine(Folder("unet"), "config.json");
        if (!unet.Config.HasTextTimeEmbedding)
            throw new ModelConfigException(unetConfig, "addition_embed_type", "only UNets with \"text_time\" (SDXL's) are supported.");
        if (unet.Config.SampleSize is not int sampleSize)
            throw new ModelConfigException(unetConfig, "sample_size", "the field is missing; it gives the size of the images.");
        AutoencoderKL vae = Frozen(AutoencoderKL.FromFolder(Folder("vae"), _device));
        ClipTextEncoder textEncoder = Frozen(ClipTextEncoder.FromFolder(Folder("text_encoder"), _device));
        ClipTextEncoder textEncoder2 = Frozen(ClipTextEncoder.FromFolder(Folder("text_encoder_2"), _device));
        if (textEncoder2.Config.ProjectionDim is null)
            throw new ModelConfigException(Path.Combine(Folder("text_encoder_2"), "config.json"), "projection_dim", "the second text encoder needs a projection.");
        ClipVisionEncoder imageEncoder = Frozen(ClipVisionEncoder.FromFolder(Folder("image_encoder"), _device));
        IpAdapterModel adapter = IpAdapterFile.Read(adapterFile, unet.Config, _device);
        Frozen(adapter.Projection);
        Frozen(adapter.Layers);

        int imageSize = imageEncoder.Config.ImageSize;
        return (new PersonalizedModelParts
        {
            FolderPath = _folder,
            Device = _device,
            UNet = unet,
            Vae = vae,
            TextEncoder = textEncoder,
            TextEncoder2 = textEncoder2,
            Tokenizer = tokenizer,
            Tokenizer2 = tokenizer2,
            ImageEncoder = imageEncoder,
            ImagePreprocessor = new HfClipPreprocessor(imageSize, imageSize),
            Projection = adapter.Projection,
            Schedule = new NoiseSchedule(schedule),
            ImageSize = sampleSize * vae.Config.LatentScale,
        }, adapter.Layers);
    }

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
