using System.Text.Json;
using PatchDpo.Torch.Diffusion.Blocks;
using PatchDpo.Torch.Diffusion.UNet;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Diffusion.UNet;

public class UNetParityTests
{
    public static IEnumerable<object[]> All() => Fixtures.Find("06_unet", "*.json").Select(f => new object[] { f });

    [Theory]
    [MemberData(nameof(All))]
    public void Matches_diffusers_at_every_stage(string path)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        JsonElement fixture = Fixtures.Json(path);
        Dictionary<string, Tensor> io = Fixtures.Tensors(Path.ChangeExtension(path, ".io.safetensors"));
        UNet2DConditionModel unet = UNetFixture.Load(path);
        var outputs = new Dictionary<string, Tensor>();
        List<string> expected = UNetFixture.Expected(fixture);
        foreach (string? stage in expected.Where(n => n.StartsWith("act.", StringComparison.Ordinal)))
            UNetFixture.Record(unet, stage[4..], outputs);
        (Tensor? text, Tensor? ids) = (io.GetValueOrDefault("in.text_embeds"), io.GetValueOrDefault("in.time_ids"));

        Tensor prediction = unet.forward(io["in.sample"], io["in.timestep"], io["in.encoder_hidden_states"], text, ids);
        foreach (string name in expected)
        {
            if (name.StartsWith("act.", StringComparison.Ordinal))
                UNetFixture.AssertClose(fixture, io, name, outputs[name[4..]], path);
            else
                Assert.Contains(name, (string[])["noise_pred", "noise_pred_odd"]);
        }
        UNetFixture.AssertClose(fixture, io, "noise_pred", prediction, path);
        Tensor odd = unet.forward(io["in.sample_odd"], io["in.timestep_odd"], io["in.encoder_hidden_states"], text, ids);
        UNetFixture.AssertClose(fixture, io, "noise_pred_odd", odd, path);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Attentions_are_numbered_in_the_order_of_attn_processors(string path)
    {
        using DisposeScope scope = NewDisposeScope();
        UNet2DConditionModel unet = UNetFixture.Load(path);
        IEnumerable<string> names = unet.named_modules().Where(m => m.module is Attention)
            .OrderBy(m => ((Attention)m.module).LayerIndex).Select(m => m.name + ".processor");
        Assert.Equal(Fixtures.Json(path).GetProperty("attn_processors_order").EnumerateArray().Select(e => e.GetString()), names);
    }

    [Fact]
    public void Single_blocks_match_on_inputs_that_tell_norm_eps_apart()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        const string Json = "13_eps_probe/eps_probe.json";
        JsonElement fixture = Fixtures.Json(Json);
        Dictionary<string, Tensor> io = Fixtures.Tensors("13_eps_probe/eps_probe.safetensors");
        var probes = UNetFixture.Expected(fixture).Where(n => n.StartsWith("06_unet_", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(probes);
        foreach (IGrouping<string, string> model in probes.GroupBy(p => p.Split('.')[0]))
        {
            UNet2DConditionModel unet = UNetFixture.Load(Fixtures.Path("06_unet", model.Key["06_unet_".Length..] + "_tiny.json"));
            foreach (string probe in model)
            {
                Tensor input = io["in." + probe];
                Tensor output = UNetFixture.Module(unet, probe[(model.Key.Length + 1)..]) switch
                {
                    ResnetBlock2D m => m.call(input, io[$"in.{probe}.temb"]),
                    Transformer2DModel m => m.call(input, new UNetPass(zeros(0), io[$"in.{probe}.encoder_hidden_states"], null)),
                    BasicTransformerBlock m => m.call(input, io[$"in.{probe}.encoder_hidden_states"], null),
                    nn.Module<Tensor, Tensor> m => m.call(input),
                    var m => throw new InvalidOperationException($"{probe} is a {m.GetType().Name}."),
                };
                UNetFixture.AssertClose(fixture, io, probe, output, Json);
            }
        }
    }
}
