using System.IO.Compression;
using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Diffusion.UNet;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Diffusion.UNet;

/// <summary>Full-size models, made on the meta device, have the published files' keys and shapes.</summary>
public class UNetManifestTests
{
    private static readonly UNetConfig Sd15 = new() { CrossAttentionDims = [768, 768, 768, 768] };

    internal static readonly UNetConfig Sdxl = new()
    {
        DownBlockTypes = ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
        UpBlockTypes = ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
        BlockOutChannels = [320, 640, 1280],
        LayersPerBlock = [2, 2, 2],
        AttentionHeads = [5, 10, 20],
        TransformerLayers = [1, 2, 10],
        CrossAttentionDims = [2048, 2048, 2048],
        UseLinearProjection = true,
        HasTextTimeEmbedding = true,
    };

    [Fact]
    public void Sdxl_unet_has_the_published_keys_and_shapes() => AssertManifest("sdxl_unet", ("", new UNet2DConditionModel(Sdxl, META)));

    [Fact]
    public void Sd15_unet_has_the_published_keys_and_shapes() => AssertManifest("sd15_unet", ("", new UNet2DConditionModel(Sd15, META)));

    [Fact]
    public void Ip_adapter_plus_for_sdxl_has_the_published_keys_and_shapes() =>
        AssertAdapter("ip-adapter-plus_sdxl_vit-h", Sdxl, new Resampler(new ResamplerOptions(), META));

    [Fact]
    public void Ip_adapter_plus_for_sd15_has_the_published_keys_and_shapes() =>
        AssertAdapter("ip-adapter-plus_sd15", Sd15, new Resampler(new ResamplerOptions { Channels = 768, Heads = 12, OutputChannels = 768 }, META));

    [Theory]
    [InlineData("ip-adapter_sdxl", 1280)]
    [InlineData("ip-adapter_sdxl_vit-h", 1024)]
    public void Ip_adapter_for_sdxl_has_the_published_keys_and_shapes(string name, int embedding) =>
        AssertAdapter(name, Sdxl, new LinearImageProjection(embedding, 2048, device: META));

    [Fact]
    public void Ip_adapter_for_sd15_has_the_published_keys_and_shapes() =>
        AssertAdapter("ip-adapter_sd15", Sd15, new LinearImageProjection(1024, 768, device: META));

    private static void AssertAdapter(string name, UNetConfig config, nn.Module projection) =>
        AssertManifest(name, ("image_proj.", projection), ("ip_adapter.", new IpAdapterLayers(config, META)));

    private static void AssertManifest(string name, params (string Prefix, nn.Module Module)[] parts)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(Fixtures.Path("12_manifests", name + ".tsv.gz")), CompressionMode.Decompress));
        string[] expected = reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        IEnumerable<string> actual = parts.SelectMany(p => p.Module.state_dict().Select(t => $"{p.Prefix}{t.Key}\t{string.Join('x', t.Value.shape)}"));
        Assert.Equal(expected.Order(StringComparer.Ordinal), actual.Order(StringComparer.Ordinal));
        foreach ((string _, nn.Module? module) in parts)
            module.Dispose();
    }
}
