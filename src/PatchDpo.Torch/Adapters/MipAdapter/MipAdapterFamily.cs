using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Weights;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.MipAdapter;

/// <summary>
/// MIP-Adapter (arXiv 2409.17920), for several objects in a picture: IP-Adapter's files with a gate in every layer. A plain IP-Adapter is read too, as the
/// start of a training: its gates are then drawn.
/// </summary>
internal sealed class MipAdapterFamily : AdapterFamily
{
    /// <inheritdoc/>
    public override string Name => "mip-adapter";

    /// <inheritdoc/>
    public override bool Recognizes(ITensorFile file) => TensorFileKind.Describe(file) == TensorFileKind.IpAdapter && MipAdapterLayer.HasGates(file);

    /// <inheritdoc/>
    public override void Check(string path, UNetConfig unet) => IpAdapterFile.Check(path, unet);

    /// <inheritdoc/>
    public override Adapter Read(string path, AdapterHost host)
    {
        ClipVisionEncoder encoder = ClipVisionEncoder.FromFolder(host.ImageEncoderFolder, host.Device, host.DType).Frozen();
        (nn.Module<Tensor, Tensor> Projection, MipAdapterLayers Layers)? parts = null;
        try
        {
            parts = ReadParts(path, host);
            IpAdapterFamily.CheckFit(encoder.Config, host.ImageEncoderFolder, parts.Value.Projection, path);
            IpAdapterPromptEncoder images = new(encoder, parts.Value.Projection.Frozen(), host.DType);
            return new Adapter(new MipAdapterPromptEncoder(images, host.Text), parts.Value.Layers.Frozen());
        }
        catch
        {
            encoder.Dispose();
            parts?.Projection.Dispose();
            parts?.Layers.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override void Write(string path, Adapter adapter) => IpAdapterFile.Write(path, Projection(adapter), adapter.Layers);

    /// <inheritdoc/>
    public override void Write(Stream stream, Adapter adapter) => IpAdapterFile.Write(stream, Projection(adapter), adapter.Layers);

    private static nn.Module<Tensor, Tensor> Projection(Adapter adapter) => ((MipAdapterPromptEncoder)adapter.Encoder).Projection;

    /// <summary>Reads projection and layers; layers are float32 whatever the rest is.</summary>
    internal static (nn.Module<Tensor, Tensor> Projection, MipAdapterLayers Layers) ReadParts(
        string path, AdapterHost host, int? headChannels = null)
    {
        using ITensorFile file = IpAdapterFile.Open(path, host.UNet);
        if (MipAdapterLayer.HasGates(file))
            return IpAdapterFile.Read(file, new MipAdapterLayers(host.UNet, TorchRuntime.Meta), host.Device, host.DType, ScalarType.Float32, headChannels);
        (nn.Module<Tensor, Tensor> projection, IpAdapterLayers plain) = IpAdapterFile.Read(
            file, new IpAdapterLayers(host.UNet, TorchRuntime.Meta), host.Device, host.DType, ScalarType.Float32, headChannels);
        using (plain)
            return (projection, MipAdapterLayers.StartFrom(plain, host.UNet, host.Device));
    }
}
