using System.Text.Json;
using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Adapters.MipAdapter;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Tests.Diffusion.UNet;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Adapters.MipAdapter;

/// <summary>The tiny MIP-Adapter of the fixtures: one set of layers, two projections.</summary>
internal sealed class MipFixture
{
    public const string Folder = "15_mip_adapter";

    public MipFixture()
    {
        Json = Fixtures.Json($"{Folder}/forward.json");
        Io = Fixtures.Tensors($"{Folder}/forward.io.safetensors");
        Config = Json.GetProperty("config");
        UNet = UNetFixture.Load(Fixtures.Path("06_unet", "sdxl_tiny.json"));
        Dictionary<string, Tensor> weights = Fixtures.Tensors($"{Folder}/mip_tiny.weights.safetensors");
        Layers = new MipAdapterLayers(UNet.Config);
        StateDictLoader.Load(Layers, weights, Folder, "ip_adapter.");
        long width = Io["in.text"].shape[2];
        JsonElement resampler = Config.GetProperty("resampler");
        Linear = new LinearImageProjection(Number("clip_dim"), (int)width, Number("lin_tokens"));
        StateDictLoader.Load(Linear, weights, Folder, "linear.image_proj.");
        Plus = new Resampler(new ResamplerOptions
        {
            Channels = resampler.GetProperty("dim").GetInt32(),
            Layers = resampler.GetProperty("depth").GetInt32(),
            HeadChannels = resampler.GetProperty("dim_head").GetInt32(),
            Heads = resampler.GetProperty("heads").GetInt32(),
            FeedForwardMultiple = resampler.GetProperty("ff_mult").GetInt32(),
            Tokens = Number("plus_tokens"),
            InputChannels = Number("emb_dim"),
            OutputChannels = (int)width,
        });
        StateDictLoader.Load(Plus, weights, Folder, "plus.image_proj.");
    }

    public JsonElement Json { get; }

    public JsonElement Config { get; }

    public Dictionary<string, Tensor> Io { get; }

    public UNet2DConditionModel UNet { get; }

    public MipAdapterLayers Layers { get; }

    public nn.Module<Tensor, Tensor> Linear { get; }

    public nn.Module<Tensor, Tensor> Plus { get; }

    public int Number(string name) => Config.GetProperty(name).GetInt32();

    /// <summary>The image features of all objects, prompt by prompt: what a variant's projection takes, a row an object.</summary>
    public Tensor Features(string variant)
    {
        Tensor features = Io[$"in.image_embeds_{variant}"];
        return variant == "plus" ? features.flatten(0, 1) : features;
    }

    /// <summary>Image prompts of tokens <c>(B n,N,C)</c>, with the fixture's names.</summary>
    public ImagePrompt Prompt(Tensor tokens) => Of(tokens.unflatten(0, Io["in.token_len"].shape[0], -1), Io["in.entity_text"]);

    /// <summary>Image prompts of tokens <c>(B,n,N,C)</c> and names <c>(B,n,T,C)</c>.</summary>
    public ImagePrompt Of(Tensor tokens, Tensor names) => new([new("tokens", tokens), new("names", names), new("lengths", Io["in.token_len"])]);
}
