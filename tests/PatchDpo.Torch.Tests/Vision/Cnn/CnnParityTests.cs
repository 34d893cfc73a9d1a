using System.Text.Json;
using PatchDpo.Tests;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Vision.Cnn;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Vision.Cnn;

public class CnnParityTests
{
    public static TheoryData<string> ResNetFixture() => FixtureCases.Json("04_cnn", "resnet_*.json");

    public static TheoryData<string> VggFixture() => FixtureCases.Json("04_cnn", "vgg*.json");

    [Theory]
    [MemberData(nameof(ResNetFixture))]
    public void Every_map_of_a_ResNet_matches_the_reference(string json)
    {
        using DisposeScope scope = NewDisposeScope();
        using SafetensorsFile weights = Weights(json);
        JsonElement config = Fixtures.Json(json).GetProperty("config");
        using ResNet model = new(new ResNetConfig
        {
            Bottleneck = config.GetProperty("block").GetString() == "Bottleneck",
            Width = config.GetProperty("width").GetInt32(),
            Layers = [.. config.GetProperty("layers").EnumerateArray().Select(l => l.GetInt32())],
            NumClasses = (int)weights.Shape("fc.weight")[0],
        });
        StateDictLoader.Load(model, weights);
        model.eval();
        Check(json, (pixels, output) => output switch
        {
            "maxpool" => model.FeatureMaps(pixels)[0],
            "avgpool" => model.call(pixels)[.., .., TensorIndex.None, TensorIndex.None],
            "output" => model.Classify(pixels),
            _ when output.StartsWith("layer", StringComparison.Ordinal) => model.FeatureMaps(pixels)[int.Parse(output["layer".Length..])],
            _ => throw new NotSupportedException($"The fixture's output '{output}' is unknown."),
        });
        using Tensor pixels = randn(1, 3, 64, 32);
        Assert.Equal(model.FeatureMaps(pixels)[^1].permute(0, 2, 3, 1).shape, model.Encode(pixels).Patches.shape);
    }

    [Theory]
    [MemberData(nameof(VggFixture))]
    public void Every_map_of_a_VGG_matches_the_reference(string json)
    {
        using DisposeScope scope = NewDisposeScope();
        using SafetensorsFile weights = Weights(json);
        JsonElement config = Fixtures.Json(json).GetProperty("config");
        using Vgg model = new(new VggConfig
        {
            Layers = [.. config.GetProperty("cfg").EnumerateArray().Select(l => l.ValueKind == JsonValueKind.Number ? l.GetInt32() : VggConfig.Pool)],
            NumClasses = null,
        });
        StateDictLoader.Load(model, weights);
        model.eval();
        string[] pools = [.. config.GetProperty("pool_indices").EnumerateArray().Select(p => $"features.{p.GetString()}")];
        Check(json, (pixels, output) => model.FeatureMaps(pixels)[output == "output" ? ^1 : Array.IndexOf(pools, output)]);
    }

    [Theory]
    [InlineData("resnet18", false, new[] { 2, 2, 2, 2 })]
    [InlineData("resnet50", true, new[] { 3, 4, 6, 3 })]
    public void ResNets_fit_the_published_checkpoints(string name, bool bottleneck, int[] layers)
    {
        using DisposeScope scope = NewDisposeScope();
        using ResNet model = new(new ResNetConfig { Bottleneck = bottleneck, Layers = layers }, META);
        Manifest.AssertSame(Manifest.Read(name), model);
    }

    [Fact]
    public void Vgg16_fits_the_published_checkpoint()
    {
        using DisposeScope scope = NewDisposeScope();
        using Vgg model = new(VggConfig.Vgg16, META);
        Manifest.AssertSame(Manifest.Read("vgg16"), model);
    }

    [Fact]
    public void Patches_come_from_the_stage_asked_for()
    {
        using DisposeScope scope = NewDisposeScope();
        using ResNet resNet = new(new ResNetConfig { Bottleneck = false, Layers = [1, 1, 1, 1], Width = 4 }) { PatchStages = [3] };
        using Vgg vgg = new(new VggConfig { Layers = [4, 0, 6, 0], NumClasses = null }) { PatchStages = [1] };
        Assert.Equal([1, 2, 4, 16], resNet.Encode(zeros(1, 3, 32, 64)).Patches.shape);
        Assert.Equal([1, 16, 32, 4], vgg.Encode(zeros(1, 3, 32, 64)).Patches.shape);
        Assert.Equal([1, 6], vgg.Encode(zeros(1, 3, 32, 64)).Global.shape);
    }

    [Fact]
    public void A_folder_without_a_classifier_gives_the_same_features()
    {
        using DisposeScope scope = NewDisposeScope();
        using TemporaryFolder folder = new();
        using ResNet original = new(new ResNetConfig { Bottleneck = true, Layers = [1, 2, 1, 1], Width = 4 });
        original.eval();
        File.WriteAllText(folder.File("config.json"), """{"block": "Bottleneck", "layers": [1, 2, 1, 1], "width": 4}""");
        SafetensorsWriter.Write(folder.File("model.safetensors"), original.state_dict().Where(t => !t.Key.StartsWith("fc.", StringComparison.Ordinal))
            .ToDictionary());
        using ResNet loaded = ResNet.FromFolder(folder.File(""));
        Tensor pixels = randn(2, 3, 32, 32);
        Fixtures.AssertClose(loaded.Encode(pixels).Patches, original.Encode(pixels).Patches, 0, "patches");
        Assert.Throws<InvalidOperationException>(() => loaded.Classify(pixels));
    }

    [Fact]
    public void A_VGG_folder_gives_the_same_features_and_classes()
    {
        using DisposeScope scope = NewDisposeScope();
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("config.json"), """{"layers": [4, 0, 6, 0], "num_classes": 3}""");
        using Vgg original = new(VggConfig.FromJson(ModelConfig.Read(folder.File("config.json"))));
        original.eval();
        SafetensorsWriter.Write(folder.File("model.safetensors"), original.state_dict());
        using Vgg loaded = Vgg.FromFolder(folder.File(""));
        Tensor pixels = randn(2, 3, 20, 24);
        Fixtures.AssertClose(loaded.Encode(pixels).Patches, original.Encode(pixels).Patches, 0, "patches");
        Fixtures.AssertClose(loaded.Classify(pixels), original.Classify(pixels), 0, "classes");
        Assert.Contains("(1,3,3,8)", Assert.Throws<ArgumentException>(() => loaded.Encode(zeros(1, 3, 3, 8))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[4, 0, 6]")]
    [InlineData("[0, 4, 0]")]
    [InlineData("[4, -1, 0]")]
    public void A_bad_list_of_VGG_layers_is_refused_with_its_field(string layers)
        => Assert.Equal("layers", Assert.Throws<ModelConfigException>(() => VggConfig.FromJson(ModelConfig.Parse($$"""{"layers": {{layers}}}""", "test"))).Field);

    [Theory]
    [InlineData("""{"block": "Other", "layers": [1, 1, 1, 1]}""", "block")]
    [InlineData("""{"block": "BasicBlock", "layers": [1, 1, 1]}""", "layers")]
    [InlineData("""{"block": "BasicBlock", "layers": [1, 0, 1, 1]}""", "layers")]
    public void A_bad_configuration_is_refused_with_its_field(string json, string field)
        => Assert.Equal(field, Assert.Throws<ModelConfigException>(() => ResNetConfig.FromJson(ModelConfig.Parse(json, "test"))).Field);

    private static SafetensorsFile Weights(string json) => SafetensorsFile.Open(Fixtures.Path(FixtureCases.Sibling(json, ".weights.safetensors")));

    private static void Check(string json, Func<Tensor, string, Tensor> run)
    {
        JsonElement fixture = Fixtures.Json(json);
        Dictionary<string, Tensor> io = Fixtures.Tensors(FixtureCases.Sibling(json, ".io.safetensors"));
        int compared = 0;
        foreach ((string key, Tensor expected) in io.Where(t => t.Key.StartsWith("out.", StringComparison.Ordinal)))
        {
            string output = key["out.".Length..];
            Fixtures.AssertClose(run(io["in.image"], output), expected, FixtureCases.Tolerance(fixture, output), output);
            compared++;
        }
        Assert.Equal(fixture.GetProperty("tolerances").EnumerateObject().Count(), compared);
    }
}
