using System.Text.Json;
using System.Text.RegularExpressions;
using PatchDpo.Torch.Adapters.Elite;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Tests.Diffusion.UNet;
using PatchDpo.Torch.Weights;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Adapters.Elite;

/// <summary>The tiny ELITE of a fixtures' folder: its parts in evaluation mode, the inputs, and what it gave.</summary>
internal sealed class EliteFixture
{
    public const string Folder = "14_elite";

    public EliteFixture()
    {
        Json = Fixtures.Json($"{Folder}/forward.json");
        Io = Fixtures.Tensors($"{Folder}/forward.io.safetensors");
        JsonElement config = Json.GetProperty("config");
        // "06_unet/sd15_tiny.weights.safetensors (same set)"
        string unet = Regex.Match(Json.GetProperty("unet_weights").GetString()!, @"^(\S+)\.weights\.safetensors").Groups[1].Value;
        UNet = UNetFixture.Load(Fixtures.Path(unet + ".json"));
        Text = Load(new ClipTextEncoder(ClipTextConfig.FromJson(Config("text")) with { ProjectionDim = null }), "elite_tiny.text.weights.safetensors");
        Vision = Load(new ClipVisionEncoder(ClipVisionConfig.FromJson(Config("vision")) with { ProjectionDim = null }),
            "elite_tiny.vision.weights.safetensors");
        Layers = new EliteLayers(UNet.Config);
        Global = Mapper("elite_tiny.mapper.weights.safetensors", Layers.Global);
        Local = Mapper("elite_tiny.mapper_local.weights.safetensors", Layers.Local);
        Layers.eval();

        EliteMapper Mapper(string file, EliteKeysAndValues keysAndValues)
        {
            var mapper = new EliteMapper(Vision.Config.HiddenSize, config.GetProperty("hidden").GetInt32(), Text.Config.HiddenSize);
            using ITensorFile weights = WeightsFile.Open(Fixtures.Path(Folder, file));
            EliteFile.Load((weights, ""), mapper, keysAndValues, CPU, ScalarType.Float32);
            mapper.eval();
            return mapper;
        }

        ModelConfig Config(string part) => ModelConfig.Parse(config.GetProperty(part).GetRawText(), $"forward.json, {part}");
    }

    public JsonElement Json { get; }

    public Dictionary<string, Tensor> Io { get; }

    public UNet2DConditionModel UNet { get; }

    public ClipTextEncoder Text { get; }

    public ClipVisionEncoder Vision { get; }

    public EliteMapper Global { get; }

    public EliteMapper Local { get; }

    public EliteLayers Layers { get; }

    /// <summary>The placeholder's place in each row.</summary>
    public Tensor Index => Io["in.index"];

    /// <summary>The local branch's weight in inference.</summary>
    public double Scale => Json.GetProperty("config").GetProperty("lam").GetDouble();

    /// <summary>The encoder's states of the whole pictures, in the mappers' order.</summary>
    public IReadOnlyList<Tensor> WholeStates => EliteMapper.Select(Vision.HiddenStates(Io["in.pixel_values_clip"]));

    /// <summary>The encoder's states of the objects on black.</summary>
    public IReadOnlyList<Tensor> ObjectStates => EliteMapper.Select(Vision.HiddenStates(Io["in.pixel_values_obj"]));

    /// <summary>The mask's patches, as the reference gets them from its intermediate size: <c>(B,P,1)</c>.</summary>
    public Tensor Mask
    {
        get
        {
            Tensor seg = Io["in.pixel_values_seg"];
            long grid = Vision.Config.GridSize;
            return nn.functional.interpolate(seg, size: [grid, grid], mode: InterpolationMode.Nearest)[.., 0].reshape(seg.shape[0], -1, 1);
        }
    }

    /// <summary>The text with the first words in the placeholder's place.</summary>
    public Tensor Inject(Tensor words)
        => Text.Forward(Io["in.input_ids"], new WordInjection(words, [.. Index.data<long>().ToArray().Select(i => (int)i)])).LastHiddenState;

    public Tensor LocalTokens() => Local.Tokens(ObjectStates) * Mask;

    /// <summary>Compares with the fixture's own tolerance, and notes the name.</summary>
    public void Close(string name, Tensor actual, HashSet<string> seen)
    {
        seen.Add(name);
        Fixtures.AssertClose(actual, Io["out." + name], FixtureCases.Tolerance(Json, name), name);
    }

    private static T Load<T>(T module, string file) where T : nn.Module
    {
        using ITensorFile weights = WeightsFile.Open(Fixtures.Path(Folder, file));
        StateDictLoader.Load(module, weights, ignore: ClipKeyMap.IsBuffer);
        module.eval();
        return module;
    }
}
