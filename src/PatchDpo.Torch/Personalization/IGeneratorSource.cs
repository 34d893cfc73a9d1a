using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Diffusion.Vae;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Personalization;

/// <summary>Where the parts of a generator are read from: a pipeline's folder, or a single file.</summary>
internal interface IGeneratorSource : IDisposable
{
    /// <summary>The folder or the file.</summary>
    string Path { get; }

    /// <summary>Whether it is SDXL, with two text encoders.</summary>
    bool HasTwoTextEncoders { get; }

    /// <summary>The network's shape, known before its weights are read.</summary>
    UNetConfig UNetConfig { get; }

    /// <summary>The content of <c>scheduler_config.json</c>.</summary>
    ModelConfig Scheduler { get; }

    /// <summary>The adapter that comes with the model.</summary>
    /// <exception cref="ModelFileNotFoundException">The folder has none.</exception>
    /// <exception cref="ArgumentException">A single file has none.</exception>
    string AdapterPath { get; }

    /// <summary>The folder of the image encoder that comes with the model.</summary>
    /// <exception cref="ModelFileNotFoundException">The folder has none.</exception>
    /// <exception cref="ArgumentException">A single file has none.</exception>
    string ImageEncoderPath { get; }

    /// <summary>Checks that what the other parts are read from is there.</summary>
    /// <exception cref="ModelFileNotFoundException">A file is missing.</exception>
    void RequireParts();

    /// <summary>Reads the tokenizer of the first or the second text encoder.</summary>
    ClipTokenizer OpenTokenizer(bool second);

    /// <summary>Loads the first or the second text encoder.</summary>
    ClipTextEncoder OpenTextEncoder(bool second, Device device, ScalarType dtype);

    /// <summary>Loads the network.</summary>
    UNet2DConditionModel OpenUNet(Device device, ScalarType dtype);

    /// <summary>Loads the autoencoder.</summary>
    AutoencoderKL OpenVae(Device device, ScalarType dtype);

    /// <summary>An exception for a part that does not fit the others.</summary>
    /// <param name="part">The part's folder in a pipeline.</param>
    /// <param name="file">The file in it that has the field.</param>
    /// <param name="field">The field at fault.</param>
    /// <param name="problem">What is wrong, as the end of a sentence.</param>
    ModelConfigException Fault(string part, string file, string field, string problem);
}
