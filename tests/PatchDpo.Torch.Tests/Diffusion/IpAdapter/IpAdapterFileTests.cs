using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Diffusion.IpAdapter;
using PatchDpo.Torch.Tests.Weights;
using PatchDpo.Torch.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Diffusion.IpAdapter;

public class IpAdapterFileTests
{
    private static readonly UNetConfig Config = new()
    {
        DownBlockTypes = ["CrossAttnDownBlock2D", "DownBlock2D"],
        UpBlockTypes = ["UpBlock2D", "CrossAttnUpBlock2D"],
        BlockOutChannels = [8, 16],
        LayersPerBlock = [1, 1],
        CrossAttentionDims = [12, 12],
        TransformerLayers = [1, 1],
        AttentionHeads = [1, 2],
        NormGroups = 4,
    };

    public static TheoryData<string> Kinds() => ["resampler", "linear", "mlp"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void What_is_written_is_read_again(string kind)
    {
        using var scope = NewDisposeScope();
        using var gradless = no_grad();
        using var folder = new TemporaryFolder();
        using var written = Make(kind);
        IpAdapterFile.Write(folder.File("a.safetensors"), written);
        using var read = IpAdapterFile.Read(folder.File("a.safetensors"), Config);
        Assert.Equal(written.Projection.GetType(), read.Projection.GetType());
        var features = kind == "linear" ? randn(2, 10) : randn(2, 5, 10);
        Assert.True(written.Projection.call(features).equal(read.Projection.call(features)).all().ToBoolean());
        foreach (var (key, value) in written.Layers.state_dict())
            Assert.True(value.equal(read.Layers.state_dict()[key]).all().ToBoolean(), key);
    }

    [Fact]
    public void A_file_can_be_written_in_float16_as_the_official_ones_are()
    {
        using var folder = new TemporaryFolder();
        using var written = Make("resampler");
        IpAdapterFile.Write(folder.File("a.safetensors"), written, ScalarType.Float16);
        using var file = SafetensorsFile.Open(folder.File("a.safetensors"));
        Assert.All(file.Keys, k => Assert.Equal(ScalarType.Float16, file.DType(k)));
        using var read = IpAdapterFile.Read(folder.File("a.safetensors"), Config);
        Assert.All(read.Layers.parameters(), p => Assert.Equal(ScalarType.Float32, p.dtype));
    }

    [Fact]
    public void The_official_checkpoint_gives_the_adapter_of_its_safetensors_form_in_half_precision()
    {
        string jsonPath = Fixtures.Path("06_unet", "sdxl_tiny.json");
        var unet = Fixtures.Json(jsonPath);
        var config = UNetConfig.FromJson(ModelConfig.Parse((unet.TryGetProperty("full_config", out var full) ? full : unet.GetProperty("config")).GetRawText(), jsonPath));
        int heads = Fixtures.Json(Fixtures.Path("07_patchdpo", "ip_forward.json")).GetProperty("resampler").GetProperty("dim_head").GetInt32();
        using var official = IpAdapterFile.Read(Fixtures.Path("07_patchdpo", "ip_plus_tiny.official_half.bin"), config, headChannels: heads);
        using var ours = IpAdapterFile.Read(Fixtures.Path("07_patchdpo", "ip_plus_tiny.weights.safetensors"), config, headChannels: heads);
        using var scope = NewDisposeScope();
        foreach (var (key, value) in ours.Layers.state_dict().Concat(ours.Projection.state_dict()))
        {
            var read = official.Layers.state_dict().TryGetValue(key, out var layer) ? layer : official.Projection.state_dict()[key];
            Assert.Equal(ScalarType.Float32, read.dtype);
            Fixtures.AssertClose(read, value.half(), 0, key);
        }
    }

    [Fact]
    public void An_adapter_of_another_unet_is_refused()
    {
        using var folder = new TemporaryFolder();
        using var written = Make("linear");
        IpAdapterFile.Write(folder.File("a.safetensors"), written);
        var other = Config with { CrossAttentionDims = [16, 16] };
        Assert.Throws<StateDictMismatchException>(() => IpAdapterFile.Read(folder.File("a.safetensors"), other));
    }

    [Fact]
    public void A_file_without_an_image_projection_is_refused()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        SafetensorsWriter.Write(folder.File("a.safetensors"), new Dictionary<string, Tensor> { ["ip_adapter.1.to_k_ip.weight"] = zeros(8, 12) });
        Assert.Throws<WeightsFormatException>(() => IpAdapterFile.Read(folder.File("a.safetensors"), Config));
    }

    [Fact]
    public void A_clone_has_its_own_weights()
    {
        using var scope = NewDisposeScope();
        var layers = new IpAdapterLayers(Config, dtype: ScalarType.Float64);
        layers.parameters().First().requires_grad = false;
        var clone = layers.Clone();
        Assert.Equal(layers.Indices, clone.Indices);
        Assert.Equal(layers.parameters().Select(p => p.requires_grad), clone.parameters().Select(p => p.requires_grad));
        using var gradless = no_grad();
        foreach (var (key, value) in layers.state_dict())
        {
            Assert.Equal(ScalarType.Float64, clone.state_dict()[key].dtype);
            Assert.True(value.equal(clone.state_dict()[key]).all().ToBoolean(), key);
            value.add_(1);
            Assert.False(value.equal(clone.state_dict()[key]).any().ToBoolean(), key);
        }
    }

    private static IpAdapterModel Make(string kind) => new(
        kind switch
        {
            "resampler" => new Resampler(new ResamplerOptions { Channels = 16, Layers = 2, HeadChannels = 4, Heads = 3, Tokens = 6, InputChannels = 10, OutputChannels = 12, FeedForwardMultiple = 2 }),
            "linear" => new LinearImageProjection(10, 12, tokens: 3),
            _ => new MlpImageProjection(10, 12),
        },
        new IpAdapterLayers(Config));
}
