using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.MsDiffusion;

/// <summary>MS-Diffusion (arXiv 2406.07209): several subjects, each in its box.</summary>
internal sealed class MsDiffusionFamily : AdapterFamily
{
    /// <inheritdoc/>
    public override string Name => "ms-diffusion";

    /// <inheritdoc/>
    public override bool Recognizes(ITensorFile file) => TensorFileKind.Describe(file) == TensorFileKind.MsDiffusion;

    /// <inheritdoc/>
    public override void Check(string path, UNetConfig unet) => MsDiffusionFile.Check(path, unet);

    /// <inheritdoc/>
    public override Adapter Read(string path, AdapterHost host)
    {
        ClipVisionEncoder encoder = ClipVisionEncoder.FromFolder(host.ImageEncoderFolder, host.Device, host.DType).Frozen();
        (GroundingResampler Projection, MsDiffusionLayers Layers, Tensor DummyTokens)? parts = null;
        try
        {
            parts = MsDiffusionFile.Read(path, host.UNet, host.Device, host.DType);
            CheckFit(path, host, encoder.Config, parts.Value.Projection.Options);
            return new Adapter(
                new MsDiffusionPromptEncoder(encoder, parts.Value.Projection.Frozen(), parts.Value.DummyTokens, host.Text, host.DType),
                parts.Value.Layers.Frozen());
        }
        catch
        {
            encoder.Dispose();
            parts?.Projection.Dispose();
            parts?.Layers.Dispose();
            parts?.DummyTokens.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override void Write(string path, Adapter adapter)
    {
        var encoder = (MsDiffusionPromptEncoder)adapter.Encoder;
        MsDiffusionFile.Write(path, encoder.Projection, adapter.Layers, encoder.DummyTokens);
    }

    /// <inheritdoc/>
    public override void Write(Stream stream, Adapter adapter)
    {
        var encoder = (MsDiffusionPromptEncoder)adapter.Encoder;
        MsDiffusionFile.Write(stream, encoder.Projection, adapter.Layers, encoder.DummyTokens);
    }

    private static void CheckFit(string path, AdapterHost host, ClipVisionConfig encoder, GroundingResamplerOptions options)
    {
        if (encoder.HiddenSize != options.Resampler.InputChannels)
        {
            throw new ModelConfigException(Path.Combine(host.ImageEncoderFolder, "config.json"), "hidden_size", $"the adapter '{path}' takes image features of "
                + $"width {options.Resampler.InputChannels}, but this image encoder gives {encoder.HiddenSize}; name the encoder that it was trained with "
                + "(--image-encoder FOLDER).");
        }
        int width = host.Text.Towers[0].Encoder.Config.HiddenSize;
        if (width != options.PhraseChannels)
        {
            throw new WeightsFormatException(
                path, MsDiffusionFile.ProjectionPrefix + "latent_proj.0.weight", $"it takes names of width {options.PhraseChannels}, "
                + $"but the model's first text encoder gives {width}; the adapter belongs to another model.");
        }
    }
}
