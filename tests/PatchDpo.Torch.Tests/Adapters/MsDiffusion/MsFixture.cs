using System.Text.Json;
using PatchDpo.Torch.Adapters.MsDiffusion;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Tests.Diffusion.UNet;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Adapters.MsDiffusion;

/// <summary>The tiny MS-Diffusion adapter of the fixtures.</summary>
internal sealed class MsFixture
{
    public const string Folder = "16_ms_diffusion", Weights = "ms_tiny.weights.safetensors", Official = "ms_adapter_tiny.bin";

    public MsFixture()
    {
        Json = Fixtures.Json($"{Folder}/forward.json");
        Io = Fixtures.Tensors($"{Folder}/forward.io.safetensors");
        Config = Json.GetProperty("config");
        UNet = UNetFixture.Load(Fixtures.Path("06_unet", "sdxl_tiny.json"));
        (Projection, Layers, DummyTokens) = MsDiffusionFile.Read(Fixtures.Path(Folder, Weights), UNet.Config, headChannels: HeadChannels);
    }

    public JsonElement Json { get; }

    public JsonElement Config { get; }

    public Dictionary<string, Tensor> Io { get; }

    public UNet2DConditionModel UNet { get; }

    public GroundingResampler Projection { get; }

    public MsDiffusionLayers Layers { get; }

    public Tensor DummyTokens { get; }

    public int HeadChannels => Config.GetProperty("resampler").GetProperty("dim_head").GetInt32();

    public long Prompts => Io["in.boxes"].shape[0];

    public long Subjects => Io["in.boxes"].shape[1];

    public double Scale => Config.GetProperty("scale2").GetDouble();

    /// <summary>Which prompts' grounding the fixture drops, for each subject.</summary>
    public Tensor Dropped => tensor([.. Numbers("drop").SelectMany(d => Enumerable.Repeat(d != 0, (int)Subjects))]);

    public double[] Numbers(string name) => [.. Config.GetProperty(name).EnumerateArray().Select(v => v.GetDouble())];

    /// <summary>The tokens of all subjects, a row a subject.</summary>
    public Tensor Tokens(Tensor? dropped) => Projection.Project(Io["in.image_embeds"], Io["in.phrase_embeds"], Io["in.boxes"].flatten(0, 1), dropped);

    /// <summary>Image prompts of tokens with the fixture's boxes.</summary>
    public ImagePrompt Prompt(Tensor tokens, double[]? scales = null, Tensor? phrases = null, Tensor? boxes = null)
    {
        Tensor own = scales is null ? full(Prompts, Subjects, -1f) : tensor([.. scales.Select(s => (float)s)]).expand(Prompts, -1);
        ImagePrompt prompt = new([new("tokens", tokens.unflatten(0, Prompts, -1)), new("boxes", boxes ?? Io["in.boxes"]), new("scales", own)]);
        return phrases is null ? prompt : new(prompt.Names.Select(n => KeyValuePair.Create(n, prompt[n])).Append(new("phrases", phrases)));
    }
}
