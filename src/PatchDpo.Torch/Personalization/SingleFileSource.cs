using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Diffusion.Vae;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Personalization;

/// <summary>
/// A whole Stable Diffusion model in one file, under Stability AI's names (<c>v1-5-pruned.safetensors</c>, <c>sd_xl_base_1.0.safetensors</c>).
/// </summary>
/// <remarks>Exponential moving averages beside the weights (<c>model_ema.*</c>) and tables of the noise schedule are left aside, as diffusers does.</remarks>
internal sealed class SingleFileSource : IGeneratorSource
{
    private const string Network = "model.diffusion_model.", Autoencoder = "first_stage_model.", TextModel = "text_model.";

    private readonly ITensorFile _file;
    private readonly SingleFileLayout _layout;
    private readonly string _tokenizer;

    private SingleFileSource(ITensorFile file, SingleFileLayout layout, string tokenizer)
    {
        _file = file;
        _layout = layout;
        _tokenizer = tokenizer;
    }

    public string Path => _file.Path;

    public bool HasTwoTextEncoders => _layout.SecondText is not null;

    public UNetConfig UNetConfig => _layout.UNet;

    public ModelConfig Scheduler => _layout.SchedulerOf(_file);

    public string AdapterPath => throw Missing("IP-Adapter", "--adapter FILE", nameof(PersonalizedModelOptions.AdapterPath));

    public string ImageEncoderPath => throw Missing("image encoder", "--image-encoder FOLDER", nameof(PersonalizedModelOptions.ImageEncoderPath));

    /// <summary>Opens a file and finds out its family.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">The tokenizer's place; the layout where it is not a published family's.</param>
    /// <exception cref="UnknownModelException">It is no model that can be opened.</exception>
    /// <exception cref="ArgumentException">The options name no tokenizer.</exception>
    public static SingleFileSource Open(string path, PersonalizedModelOptions options)
    {
        if (System.IO.Path.GetFileName(path) == "model_index.json")
            throw new ModelConfigException(path, null, "this is the index of a pipeline's folder; give the folder.");
        return Open(WeightsFile.OpenStateDict(path), options);
    }

    /// <summary>The same with an open file, which the source takes over, also where it fails.</summary>
    public static SingleFileSource Open(ITensorFile file, PersonalizedModelOptions options)
    {
        try
        {
            SingleFileLayout layout = options.Layout ?? SingleFileLayout.Of(file);
            string tokenizer = options.TokenizerPath
                ?? throw Missing(file.Path, "tokenizer's vocabulary", "--tokenizer FOLDER with vocab.json and merges.txt",
                    nameof(PersonalizedModelOptions.TokenizerPath));
            return new SingleFileSource(file, layout, tokenizer);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public void RequireParts()
    {
    }

    public ClipTokenizer OpenTokenizer(bool second) => SharedTokenizer.Open(_tokenizer, second);

    public ClipTextEncoder OpenTextEncoder(bool second, Device device, ScalarType dtype)
    {
        ClipTextConfig config = second ? _layout.SecondText! : _layout.Text;
        string prefix = second ? "conditioner.embedders.1.model." : HasTwoTextEncoders ? "conditioner.embedders.0.transformer."
            : "cond_stage_model.transformer.";
        Dictionary<string, MappedTensor> map = new(StringComparer.Ordinal);
        foreach (string key in _file.Keys.Where(k => k.StartsWith(prefix, StringComparison.Ordinal)))
        {
            // Newer transformers save the tower without the name of its module.
            string name = key[prefix.Length..];
            map[second || name.StartsWith(TextModel, StringComparison.Ordinal) ? name : TextModel + name] = MappedTensor.Copy(key);
        }
        return ModelWeights.Fill(new ClipTextEncoder(config, TorchRuntime.Meta), ClipKeyMap.Wrap(new MappedTensorSource(_file, map)),
            ClipKeyMap.IsOtherThan("text"), device, dtype);
    }

    public UNet2DConditionModel OpenUNet(Device device, ScalarType dtype)
    {
        var unet = new UNet2DConditionModel(_layout.UNet, TorchRuntime.Meta);
        return ModelWeights.Fill(unet, LdmKeyMap.Wrap(_file, Network, unet.state_dict().Keys, key => LdmKeyMap.UNetKey(_layout.UNet, key)), ignore: null,
            device, dtype);
    }

    public AutoencoderKL OpenVae(Device device, ScalarType dtype)
    {
        var vae = new AutoencoderKL(_layout.Vae, TorchRuntime.Meta);
        return ModelWeights.Fill(
            vae, LdmKeyMap.Wrap(_file, Autoencoder, vae.state_dict().Keys, key => LdmKeyMap.VaeKey(_layout.Vae, key)),
            name => name.StartsWith(Autoencoder + "loss.", StringComparison.Ordinal), device, dtype);
    }

    public ModelConfigException Fault(string part, string file, string field, string problem) => new(Path, $"{part}.{field}", problem);

    public void Dispose() => _file.Dispose();

    private ArgumentException Missing(string what, string option, string property) => Missing(Path, what, option, property);

    private static ArgumentException Missing(string path, string what, string option, string property)
        => new($"'{path}' is a model in a single file, which holds no {what}: name it ({option}; in code {nameof(PersonalizedModelOptions)}.{property}).");
}
