using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Diffusion.Vae;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Personalization;

/// <summary>A pipeline's folder in diffusers' layout.</summary>
internal sealed class FolderSource : IGeneratorSource
{
    private const string Configuration = "config.json";

    private readonly string? _tokenizer;

    /// <summary>Reads the pipeline's index.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="tokenizer">A tokenizer in place of the folder's; null for those.</param>
    public FolderSource(string folder, string? tokenizer)
    {
        Path = folder;
        _tokenizer = tokenizer;
        HasTwoTextEncoders = ModelConfig.Read(ModelFolder.RequireFile(folder, "model_index.json"))
            .GetChoice<bool>("_class_name", null, ("StableDiffusionPipeline", false), ("StableDiffusionXLPipeline", true));
    }

    public string Path { get; }

    public bool HasTwoTextEncoders { get; }

    public UNetConfig UNetConfig => UNetConfig.FromJson(ModelConfig.Read(ModelFolder.RequireFile(Folder("unet"), Configuration)));

    public ModelConfig Scheduler => ModelConfig.Read(ModelFolder.RequireFile(Folder("scheduler"), "scheduler_config.json"));

    public string AdapterPath
    {
        get
        {
            string[] names = [.. AdapterFamilies.All.SelectMany(f => f.FolderFiles)];
            return names.Select(n => System.IO.Path.Combine(Path, n)).FirstOrDefault(File.Exists) ?? throw new ModelFileNotFoundException(
                Path, names, "Another adapter is named by --adapter FILE (in code PersonalizedModelOptions.AdapterPath).");
        }
    }

    public string ImageEncoderPath
    {
        get
        {
            string folder = Folder("image_encoder");
            return File.Exists(System.IO.Path.Combine(folder, Configuration)) ? folder : throw new ModelFileNotFoundException(folder, [Configuration],
                "One that lies elsewhere is named by --image-encoder FOLDER (in code PersonalizedModelOptions.ImageEncoderPath).");
        }
    }

    public void RequireParts()
    {
        foreach (string part in new[] { "unet", "vae" })
            ModelFolder.RequireFile(Folder(part), Configuration);
    }

    public ClipTokenizer OpenTokenizer(bool second)
        => _tokenizer is null ? ClipTokenizer.FromFolder(Folder("tokenizer" + Suffix(second))) : SharedTokenizer.Open(_tokenizer, second);

    public ClipTextEncoder OpenTextEncoder(bool second, Device device, ScalarType dtype)
        => ClipTextEncoder.FromFolder(Folder("text_encoder" + Suffix(second)), device, dtype);

    public UNet2DConditionModel OpenUNet(Device device, ScalarType dtype) => UNet2DConditionModel.FromFolder(Folder("unet"), device, dtype);

    public AutoencoderKL OpenVae(Device device, ScalarType dtype) => AutoencoderKL.FromFolder(Folder("vae"), device, dtype);

    public ModelConfigException Fault(string part, string file, string field, string problem)
        => new(System.IO.Path.Combine(Folder(part), file), field, problem);

    public void Dispose()
    {
    }

    private static string Suffix(bool second) => second ? "_2" : "";

    private string Folder(string part) => System.IO.Path.Combine(Path, part);
}
