using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Adapters.Elite;

/// <summary>ELITE: an object as a word of the text, and its patches beside the text.</summary>
internal sealed class EliteFamily : AdapterFamily
{
    /// <inheritdoc/>
    public override string Name => "elite";

    /// <inheritdoc/>
    public override IReadOnlyList<string> FolderFiles { get; } =
        [.. new[] { ".pt", ".safetensors", ".bin" }.Select(ending => EliteSource.GlobalName + ending)];

    /// <inheritdoc/>
    public override bool Recognizes(ITensorFile file) => TensorFileKind.Describe(file) == TensorFileKind.Elite;

    /// <inheritdoc/>
    public override void Check(string path, UNetConfig unet) => EliteFile.Check(path, unet);

    /// <inheritdoc/>
    public override Adapter Read(string path, AdapterHost host)
    {
        ClipVisionEncoder encoder = ClipVisionEncoder.FromFolder(host.ImageEncoderFolder, host.Device, host.DType).Frozen();
        EliteModel? model = null;
        try
        {
            model = EliteFile.Read(path, host.UNet, host.Device, host.DType);
            CheckFit(encoder.Config, host.ImageEncoderFolder, model, path);
            model.Global.Frozen();
            model.Local.Frozen();
            return new Adapter(new ElitePromptEncoder(encoder, model, host.Text.Towers[0].Tokenizer, host.DType), model.Layers.Frozen());
        }
        catch
        {
            encoder.Dispose();
            model?.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override void Write(string path, Adapter adapter) => EliteFile.Write(path, Model(adapter));

    /// <inheritdoc/>
    public override void Write(Stream stream, Adapter adapter) => EliteFile.Write(stream, Model(adapter));

    // Layers may have been trained since the adapter was read.
    private static EliteModel Model(Adapter adapter) => ((ElitePromptEncoder)adapter.Encoder).Model with { Layers = (EliteLayers)adapter.Layers };

    private static void CheckFit(ClipVisionConfig encoder, string folder, EliteModel model, string path)
    {
        string config = Path.Combine(folder, "config.json");
        int layers = EliteMapper.Layers.Max()!.Value;
        if (encoder.NumLayers < layers)
            throw new ModelConfigException(config, "num_hidden_layers", $"ELITE ('{path}') takes the output of layer {layers}, but this image encoder has "
                + $"{encoder.NumLayers}; name the one that it was trained with, openai/clip-vit-large-patch14 (--image-encoder FOLDER).");
        foreach (EliteMapper mapper in new[] { model.Global, model.Local })
            if (encoder.HiddenSize != mapper.InputChannels)
                throw new ModelConfigException(config, "hidden_size", $"ELITE ('{path}') takes image features of width {mapper.InputChannels}, but this image "
                    + $"encoder gives {encoder.HiddenSize}; name the one that it was trained with, openai/clip-vit-large-patch14 (--image-encoder FOLDER).");
    }
}
