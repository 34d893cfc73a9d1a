using System.Text.Json;
using PatchDpo.Tests;
using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Pickle;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Adapters.IpAdapter;

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
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        using var folder = new TemporaryFolder();
        using IpAdapterModel written = Make(kind);
        IpAdapterFile.Write(folder.File("a.safetensors"), written);
        using IpAdapterModel read = IpAdapterFile.Read(folder.File("a.safetensors"), Config);
        Assert.Equal(written.Projection.GetType(), read.Projection.GetType());
        Tensor features = kind == "linear" ? randn(2, 10) : randn(2, 5, 10);
        Assert.True(written.Projection.call(features).equal(read.Projection.call(features)).all().ToBoolean());
        foreach ((string? key, Tensor? value) in written.Layers.state_dict())
            Assert.True(value.equal(read.Layers.state_dict()[key]).all().ToBoolean(), key);
    }

    [Fact]
    public void A_file_can_be_written_in_float16_as_the_official_ones_are()
    {
        using var folder = new TemporaryFolder();
        using IpAdapterModel written = Make("resampler");
        IpAdapterFile.Write(folder.File("a.safetensors"), written, ScalarType.Float16);
        using var file = SafetensorsFile.Open(folder.File("a.safetensors"));
        Assert.All(file.Keys, k => Assert.Equal(ScalarType.Float16, file.DType(k)));
        using IpAdapterModel read = IpAdapterFile.Read(folder.File("a.safetensors"), Config);
        Assert.All(read.Layers.parameters(), p => Assert.Equal(ScalarType.Float32, p.dtype));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_official_form_is_float16_and_is_read_again(string kind)
    {
        using DisposeScope scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using IpAdapterModel written = Make(kind);
        IpAdapterFile.Write(folder.File("a.bin"), written);
        using (var file = TorchCheckpoint.Open(folder.File("a.bin")))
        {
            Assert.All(file.Keys, k => Assert.Equal(ScalarType.Float16, file.DType(k)));
            Assert.Equal(kind == "resampler" ? ["resampler.dim_head=4"] : [], file.Metadata.Select(m => $"{m.Key}={m.Value}"));
            Assert.Equal([.. written.Projection.state_dict().Keys.Select(k => "image_proj." + k),
                .. written.Layers.state_dict().Keys.Select(k => "ip_adapter." + k)], file.Keys);
        }
        using IpAdapterModel read = IpAdapterFile.Read(folder.File("a.bin"), Config);
        Assert.Equal((written.Projection as Resampler)?.Options.Heads, (read.Projection as Resampler)?.Options.Heads);
        foreach ((string? key, Tensor? value) in written.Layers.state_dict().Concat(written.Projection.state_dict()))
        {
            Tensor again = read.Layers.state_dict().TryGetValue(key, out Tensor? layer) ? layer : read.Projection.state_dict()[key];
            Assert.True(again.equal(value.half().to(float32)).all().ToBoolean(), key);
        }
        IpAdapterFile.Write(folder.File("full.BIN"), written, ScalarType.Float32);
        using var full = TorchCheckpoint.Open(folder.File("full.BIN"));
        Assert.All(full.Keys, k => Assert.Equal(ScalarType.Float32, full.DType(k)));
    }

    [SkippableFact]
    public void The_official_form_is_what_PyTorch_finds_in_it()
    {
        using var folder = new TemporaryFolder();
        using IpAdapterModel written = Make("resampler");
        IpAdapterFile.Write(folder.File("a.bin"), written);
        string[] lines = Python.RunOrSkip("""
            import sys, torch
            a = torch.load(sys.argv[1])
            print(type(a).__name__, list(a), [type(v).__name__ for v in a.values()], {t.dtype for g in a.values() for t in g.values()})
            print(list(a['ip_adapter'])[:2], sum(t.double().sum().item() for g in a.values() for t in g.values()))
            """, folder.File("a.bin"));
        Assert.Equal("dict ['image_proj', 'ip_adapter'] ['dict', 'dict'] {torch.float16}", lines[0]);
        using DisposeScope scope = NewDisposeScope();
        double sum = written.Projection.state_dict().Values.Concat(written.Layers.state_dict().Values).Sum(t => t.half().to(float64).sum().item<double>());
        string first = written.Layers.state_dict().Keys.First().Split('.')[0];
        Assert.StartsWith($"['{first}.to_k_ip.weight', '{first}.to_v_ip.weight'] ", lines[1]);
        Assert.Equal(sum, double.Parse(lines[1].Split(' ')[^1], System.Globalization.CultureInfo.InvariantCulture), 1e-9);
    }

    [Fact]
    public void A_name_of_no_known_ending_or_a_value_beyond_float16_is_refused_and_the_old_file_stays()
    {
        using DisposeScope scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using IpAdapterModel written = Make("linear");
        Assert.Throws<ArgumentException>(() => IpAdapterFile.Write(folder.File("a.pth"), written));
        string path = folder.Write("a.bin", [1, 2, 3]);
        using (no_grad())
            written.Layers.state_dict()["1.to_k_ip.weight"][0, 0] = 1e5f;
        Assert.Contains("'ip_adapter.1.to_k_ip.weight'", Assert.Throws<OverflowException>(() => IpAdapterFile.Write(path, written)).Message);
        Assert.Equal([1, 2, 3], File.ReadAllBytes(path));
        IpAdapterFile.Write(path, written, ScalarType.Float32);
        Assert.Equal([path], Directory.GetFiles(Path.GetDirectoryName(path)!));
    }

    [Fact]
    public void The_official_checkpoint_gives_the_adapter_of_its_safetensors_form_in_half_precision()
    {
        string jsonPath = Fixtures.Path("06_unet", "sdxl_tiny.json");
        JsonElement unet = Fixtures.Json(jsonPath);
        var config = UNetConfig.FromJson(ModelConfig.Parse((unet.TryGetProperty("full_config", out JsonElement full) ? full : unet.GetProperty("config"))
            .GetRawText(), jsonPath));
        int heads = Fixtures.Json(Fixtures.Path("07_patchdpo", "ip_forward.json")).GetProperty("resampler").GetProperty("dim_head").GetInt32();
        using IpAdapterModel official = IpAdapterFile.Read(Fixtures.Path("07_patchdpo", "ip_plus_tiny.official_half.bin"), config, headChannels: heads);
        using IpAdapterModel ours = IpAdapterFile.Read(Fixtures.Path("07_patchdpo", "ip_plus_tiny.weights.safetensors"), config, headChannels: heads);
        using DisposeScope scope = NewDisposeScope();
        foreach ((string? key, Tensor? value) in ours.Layers.state_dict().Concat(ours.Projection.state_dict()))
        {
            Tensor read = official.Layers.state_dict().TryGetValue(key, out Tensor? layer) ? layer : official.Projection.state_dict()[key];
            Assert.Equal(ScalarType.Float32, read.dtype);
            Fixtures.AssertClose(read, value.half(), 0, key);
        }
    }

    [Fact]
    public void An_adapter_of_another_unet_is_refused()
    {
        using var folder = new TemporaryFolder();
        using IpAdapterModel written = Make("linear");
        IpAdapterFile.Write(folder.File("a.safetensors"), written);
        UNetConfig other = Config with { CrossAttentionDims = [16, 16] };
        Assert.Throws<StateDictMismatchException>(() => IpAdapterFile.Read(folder.File("a.safetensors"), other));
    }

    [Fact]
    public void A_file_without_an_image_projection_is_refused()
    {
        using DisposeScope scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        SafetensorsWriter.Write(folder.File("a.safetensors"), new Dictionary<string, Tensor> { ["ip_adapter.1.to_k_ip.weight"] = zeros(8, 12) });
        Assert.Throws<WeightsFormatException>(() => IpAdapterFile.Read(folder.File("a.safetensors"), Config));
    }

    [Theory]
    [InlineData("latents", new long[] { 1, 6, 0 })]
    [InlineData("latents", new long[] { 0, 2_000_000, 16 })]
    [InlineData("proj_in.weight", new long[] { 0, 1L << 40 })]
    [InlineData("layers.0.0.to_q.weight", new long[] { 0, 16 })]
    public void A_size_that_no_projection_has_is_refused_before_anything_is_made(string key, long[] shape)
    {
        using DisposeScope scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using IpAdapterModel adapter = Make("resampler");
        var tensors = adapter.Projection.state_dict().ToDictionary(t => "image_proj." + t.Key, t => t.Value);
        tensors["image_proj." + key] = zeros(shape);
        SafetensorsWriter.Write(folder.File("a.safetensors"), tensors);
        WeightsFormatException e = Assert.Throws<WeightsFormatException>(() => IpAdapterFile.Read(folder.File("a.safetensors"), Config, headChannels: 4));
        Assert.Equal("image_proj." + key, e.Key);
    }

    // Two thin tensors of 400 KB each claim the sides of a matrix of 40 GB: it is not made before its own tensor confirms it.
    [Fact]
    public void Sizes_that_the_tensors_do_not_confirm_allocate_nothing()
    {
        using DisposeScope scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using IpAdapterModel adapter = Make("linear");
        var tensors = adapter.Projection.state_dict().ToDictionary(t => "image_proj." + t.Key, t => t.Value);
        tensors["image_proj.proj.weight"] = zeros(1, 100_000);
        tensors["image_proj.norm.weight"] = zeros(100_000);
        SafetensorsWriter.Write(folder.File("a.safetensors"), tensors);
        Assert.Throws<StateDictMismatchException>(() => IpAdapterFile.Read(folder.File("a.safetensors"), Config));
    }

    [Fact]
    public void A_clone_has_its_own_weights()
    {
        using DisposeScope scope = NewDisposeScope();
        var layers = new IpAdapterLayers(Config, dtype: ScalarType.Float64);
        layers.parameters().First().requires_grad = false;
        IpAdapterLayers clone = layers.Clone();
        Assert.Equal(layers.Indices, clone.Indices);
        Assert.Equal(layers.parameters().Select(p => p.requires_grad), clone.parameters().Select(p => p.requires_grad));
        using IDisposable noGrad = no_grad();
        foreach ((string? key, Tensor? value) in layers.state_dict())
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
            "resampler" => new Resampler(new ResamplerOptions { Channels = 16, Layers = 2, HeadChannels = 4, Heads = 3, Tokens = 6, InputChannels = 10,
                OutputChannels = 12, FeedForwardMultiple = 2 }),
            "linear" => new LinearImageProjection(10, 12, tokens: 3),
            _ => new MlpImageProjection(10, 12),
        },
        new IpAdapterLayers(Config));
}
