using PatchDpo.Torch.Adapters.MipAdapter;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.IpAdapter;

/// <summary>IP-Adapter: plain (linear projection), Plus (Resampler) and Full (MLP).</summary>
internal sealed class IpAdapterFamily : AdapterFamily
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> FolderFiles { get; } = ["ip_adapter.safetensors"];

    /// <inheritdoc/>
    public override string Name => "ip-adapter";

    /// <inheritdoc/>
    public override bool Recognizes(ITensorFile file)
        => TensorFileKind.Describe(file) == TensorFileKind.IpAdapter && !MipAdapterLayer.HasGates(file);

    /// <inheritdoc/>
    public override void Check(string path, UNetConfig unet) => IpAdapterFile.Check(path, unet);

    /// <inheritdoc/>
    public override Adapter Read(string path, AdapterHost host)
    {
        ClipVisionEncoder encoder = ClipVisionEncoder.FromFolder(host.ImageEncoderFolder, host.Device, host.DType).Frozen();
        IpAdapterModel? model = null;
        try
        {
            // Layers are float32 whatever the rest is: small beside it, and trained in it, so that a saved adapter is loaded as it was.
            model = IpAdapterFile.Read(path, host.UNet, host.Device, host.DType, layersDtype: ScalarType.Float32);
            CheckFit(encoder.Config, host.ImageEncoderFolder, model.Projection, path);
            return new Adapter(new IpAdapterPromptEncoder(encoder, model.Projection.Frozen(), host.DType), model.Layers.Frozen());
        }
        catch
        {
            encoder.Dispose();
            model?.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override void Write(string path, Adapter adapter) => IpAdapterFile.Write(
        path, ((IpAdapterPromptEncoder)adapter.Encoder).Projection, adapter.Layers);

    /// <inheritdoc/>
    public override void Write(Stream stream, Adapter adapter) => IpAdapterFile.Write(
        stream, ((IpAdapterPromptEncoder)adapter.Encoder).Projection, adapter.Layers);

    /// <summary>Checks that the image encoder gives what the projection takes.</summary>
    /// <exception cref="ModelConfigException">It does not; the message names both.</exception>
    internal static void CheckFit(ClipVisionConfig encoder, string encoderFolder, nn.Module<Tensor, Tensor> projection, string adapterFile)
    {
        (string field, int? given) = IpAdapterPromptEncoder.TakesEmbedding(projection) ? ("projection_dim", encoder.ProjectionDim)
            : ("hidden_size", encoder.HiddenSize);
        int taken = projection switch
        {
            LinearImageProjection p => p.InputChannels,
            MlpImageProjection p => p.InputChannels,
            Resampler p => p.Options.InputChannels,
            _ => throw new InvalidOperationException($"The image projection {projection.GetType().Name} is unknown."),
        };
        if (given != taken)
        {
            throw new ModelConfigException(Path.Combine(encoderFolder, "config.json"), field,
                $"the adapter '{adapterFile}' takes image features of width {taken}, but this image encoder "
                    + $"{(given is null ? "has no projection to give any" : $"gives {given}")}; name the encoder that it was trained with (--image-encoder "
                    + "FOLDER).");
        }
    }
}
