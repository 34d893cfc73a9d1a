using System.Globalization;
using System.Text.Json;
using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Diffusion.Blocks;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Tests.Diffusion.UNet;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Adapters.IpAdapter;

public class IpAdapterParityTests
{
    private const string Json = "07_patchdpo/ip_forward.json";

    [Fact]
    public void Noise_prediction_with_an_image_prompt_matches_at_every_scale()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        JsonElement fixture = Fixtures.Json(Json);
        Dictionary<string, Tensor> io = Fixtures.Tensors("07_patchdpo/ip_forward.io.safetensors");
        UNet2DConditionModel unet = UNetFixture.Load(Fixtures.Path("06_unet", "sdxl_tiny.json"));
        IpAdapterModel adapter = ReadPlus(fixture, unet.Config);
        Tensor tokens = adapter.Projection.call(io["in.image_embeds_seq"]);
        UNetFixture.AssertClose(fixture, io, "resampler.ip_tokens", tokens, Json);
        Assert.Equal(fixture.GetProperty("num_ip_tokens").GetInt64(), tokens.shape[1]);

        var attention = (Attention)UNetFixture.Module(unet, fixture.GetProperty("attn2_tested")
            .GetString()!.Replace(".processor", "", StringComparison.Ordinal));
        Tensor layerInput = io["out.attn2.hidden_states_in"];
        var scales = UNetFixture.Expected(fixture).Where(n => n.StartsWith("noise_pred.scale_", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(scales);
        foreach (string? name in scales)
        {
            string scale = name["noise_pred.".Length..];
            var ip = new IpAttention(adapter.Layers, tokens, double.Parse(scale["scale_".Length..], CultureInfo.InvariantCulture));
            Tensor prediction = unet.forward(io["in.sample"], io["in.timestep"], io["in.text_embeds_seq"], io["in.text_embeds"], io["in.time_ids"], ip);
            UNetFixture.AssertClose(fixture, io, name, prediction, Json);
            // The layer alone was given its own input, which the fixture keeps among the outputs: the first rows of the batch.
            if (io.ContainsKey("out.attn2.out." + scale))
                UNetFixture.AssertClose(fixture, io, "attn2.out." + scale, attention.call(layerInput, First(io["in.text_embeds_seq"]),
                    new ImagePromptPlace(ip with { Tokens = First(tokens) }, layerInput.shape[1], 1)), Json);
        }
        UNetFixture.AssertClose(fixture, io, "attn2.ip_probs", ImageProbabilities(
            attention, adapter.Layers, layerInput, First(tokens), io["out.attn2.ip_probs"].shape[0]), Json);

        Tensor First(Tensor rows) => rows[..(int)layerInput.shape[0]];
    }

    [Fact]
    public void Resampler_matches_at_every_stage()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        JsonElement fixture = Fixtures.Json(Json);
        Dictionary<string, Tensor> io = Fixtures.Tensors("07_patchdpo/ip_forward.io.safetensors");
        nn.Module<Tensor, Tensor> resampler = ReadPlus(fixture, UNetFixture.Load(Fixtures.Path("06_unet", "sdxl_tiny.json")).Config).Projection;
        CheckOptions(fixture.GetProperty("resampler"), ((Resampler)resampler).Options);
        var outputs = new Dictionary<string, Tensor>();
        const string Branch = "resampler.branch.";
        var stages = UNetFixture.Expected(fixture).Where(n => n.StartsWith("resampler.", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(stages);
        foreach (string? name in stages.Where(n => n != "resampler.ip_tokens"))
            UNetFixture.Record(resampler, Name(name), outputs);
        outputs["ip_tokens"] = resampler.call(io["in.image_embeds_seq"]);
        foreach (string? name in stages)
            UNetFixture.AssertClose(fixture, io, name, outputs[Name(name)], Json);

        static string Name(string stage) => stage.StartsWith(Branch, StringComparison.Ordinal) ? stage[Branch.Length..] : stage["resampler.".Length..];
    }

    [Fact]
    public void Linear_and_full_image_projections_match()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        JsonElement fixture = Fixtures.Json(Json);
        Dictionary<string, Tensor> io = Fixtures.Tensors("07_patchdpo/ip_forward.io.safetensors");
        Dictionary<string, Tensor> weights = Fixtures.Tensors("07_patchdpo/image_proj_others.weights.safetensors");
        JsonElement linearOptions = fixture.GetProperty("image_proj_linear");
        var linear = new LinearImageProjection(
            linearOptions.GetProperty("clip_embeddings_dim").GetInt32(), linearOptions.GetProperty("cross_attention_dim").GetInt32(),
            linearOptions.GetProperty("clip_extra_context_tokens").GetInt32());
        StateDictLoader.Load(linear, weights, "image_proj_others", "linear.image_proj.");
        UNetFixture.AssertClose(fixture, io, "linear.ip_tokens", linear.call(io["in.clip_image_embeds"]), Json);
        JsonElement fullOptions = fixture.GetProperty("image_proj_full");
        var full = new MlpImageProjection(fullOptions.GetProperty("clip_embeddings_dim").GetInt32(), fullOptions.GetProperty("cross_attention_dim").GetInt32());
        StateDictLoader.Load(full, weights, "image_proj_others", "full.image_proj.");
        UNetFixture.AssertClose(fixture, io, "full.ip_tokens", full.call(io["in.image_embeds_seq"]), Json);
    }

    [Fact]
    public void Every_tensor_of_the_fixture_is_compared()
    {
        string[] compared = ["resampler.", "linear.ip_tokens", "full.ip_tokens", "noise_pred.scale_", "attn2.out.scale_", "attn2.ip_probs",
            "attn2.hidden_states_in"];
        Assert.All(UNetFixture.Expected(Fixtures.Json(Json)), n => Assert.Contains(compared, c => n.StartsWith(c, StringComparison.Ordinal)));
    }

    [Fact]
    public void Resampler_parts_match_on_inputs_that_tell_norm_eps_apart()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        const string Probe = "13_eps_probe/eps_probe.json", Prefix = "07_resampler.";
        JsonElement fixture = Fixtures.Json(Probe);
        Dictionary<string, Tensor> io = Fixtures.Tensors("13_eps_probe/eps_probe.safetensors");
        nn.Module<Tensor, Tensor> resampler = ReadPlus(Fixtures.Json(Json), UNetFixture.Load(Fixtures.Path("06_unet", "sdxl_tiny.json")).Config).Projection;
        var probes = UNetFixture.Expected(fixture).Where(n => n.StartsWith(Prefix, StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(probes);
        foreach (string? probe in probes)
        {
            Tensor output = UNetFixture.Module(resampler, probe[Prefix.Length..]) switch
            {
                PerceiverAttention m => m.call(io["in." + probe], io[$"in.{probe}.x"]),
                nn.Module<Tensor, Tensor> m => m.call(io["in." + probe]),
                var m => throw new InvalidOperationException($"{probe} is a {m.GetType().Name}."),
            };
            UNetFixture.AssertClose(fixture, io, probe, output, Probe);
        }
    }

    private static IpAdapterModel ReadPlus(JsonElement fixture, UNetConfig config) => IpAdapterFile.Read(
        Fixtures.Path("07_patchdpo", "ip_plus_tiny.weights.safetensors"), config,
        headChannels: fixture.GetProperty("resampler").GetProperty("dim_head").GetInt32());

    private static void CheckOptions(JsonElement json, ResamplerOptions options) => Assert.Equal(
        new ResamplerOptions
        {
            Channels = json.GetProperty("dim").GetInt32(),
            Layers = json.GetProperty("depth").GetInt32(),
            HeadChannels = json.GetProperty("dim_head").GetInt32(),
            Heads = json.GetProperty("heads").GetInt32(),
            FeedForwardMultiple = json.GetProperty("ff_mult").GetInt32(),
            Tokens = json.GetProperty("num_queries").GetInt32(),
            InputChannels = json.GetProperty("embedding_dim").GetInt32(),
            OutputChannels = json.GetProperty("output_dim").GetInt32(),
        },
        options);

    // softmax(q k_image^T / sqrt(d)), (B heads,N,tokens), from the layer's own weights.
    private static Tensor ImageProbabilities(Attention attention, IpAdapterLayers layers, Tensor input, Tensor tokens, long batchTimesHeads)
    {
        int heads = (int)(batchTimesHeads / input.shape[0]);
        Tensor Heads(Tensor x) => x.unflatten(2, heads, x.shape[^1] / heads).transpose(1, 2).flatten(0, 1);
        Tensor query = Heads(nn.functional.linear(input, attention.state_dict()["to_q.weight"]));
        Tensor key = Heads(layers.KeyValue(attention.LayerIndex, tokens).Key);
        return (query.matmul(key.transpose(1, 2)) / Math.Sqrt(query.shape[^1])).softmax(-1);
    }
}
