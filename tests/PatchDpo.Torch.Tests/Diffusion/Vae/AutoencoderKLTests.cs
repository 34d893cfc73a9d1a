using System.IO.Compression;
using System.Text.Json;
using PatchDpo.Torch.Diffusion.Vae;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Diffusion.Vae;

public class AutoencoderKLTests
{
    public static IEnumerable<object[]> Files() => Fixtures.Find("05_vae", "*.json").Select(p => new object[] { Path.GetFileNameWithoutExtension(p) });

    [Theory]
    [MemberData(nameof(Files))]
    public void Moments_latents_images_and_activations_equal_diffusers(string name)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        JsonElement json = Fixtures.Json(Path.Combine("05_vae", name + ".json"));
        Dictionary<string, Tensor> io = Fixtures.Tensors(Path.Combine("05_vae", name + ".io.safetensors"));
        using AutoencoderKL vae = Load(name);
        var actual = new Dictionary<string, Tensor>();
        foreach ((string module, nn.Module child) in vae.named_modules())
            if (child is nn.Module<Tensor, Tensor> hooked && io.ContainsKey($"out.act.{module}"))
                hooked.register_forward_hook(
                    (_, _, output) => { actual.TryAdd($"act.{module}", output.detach().clone().MoveToOuterDisposeScope()
                    .DetachFromDisposeScope()); return output; });

        (Tensor mean, Tensor logVariance) = vae.EncodeMoments(io["in.image"]);
        Tensor std = (logVariance * 0.5).exp();
        actual["mean"] = mean;
        actual["logvar"] = logVariance;
        actual["std"] = std;
        actual["train_latents"] = vae.EncodeMean(io["in.image"]) * vae.ScalingFactor;
        actual["sample_with_noise"] = mean + (std * io["in.noise"]);
        actual["decoded"] = vae.Decode(io["in.latents"] / vae.ScalingFactor);
        actual["odd.mean"] = vae.EncodeMean(io["in.image_odd"]);

        foreach ((string key, Tensor expected) in io.Where(t => t.Key.StartsWith("out.", StringComparison.Ordinal)))
        {
            string output = key["out.".Length..];
            Assert.True(actual.ContainsKey(output), $"{name}: nothing computes '{key}'.");
            Fixtures.AssertClose(actual[output], expected, json.GetProperty("tolerances").GetProperty(output).GetProperty("tol_abs").GetDouble(),
                $"{name}: {output}");
            actual[output].Dispose();
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Older_key_names_load_too(string name)
    {
        using DisposeScope scope = NewDisposeScope();
        JsonElement json = Fixtures.Json(Path.Combine("05_vae", name + ".json"));
        Dictionary<string, Tensor> weights = Fixtures.Tensors(Path.Combine("05_vae", name + ".weights.safetensors"));
        Dictionary<string, string> older = json.GetProperty("deprecated_attention_key_names").EnumerateObject()
            .ToDictionary(p => p.Name, p => p.Value.GetString()!);
        Assert.NotEmpty(older);
        using var vae = new AutoencoderKL(VaeConfig.FromJson(ModelConfig.Parse(json.GetProperty("config").GetRawText(), name)));
        StateDictLoader.Load(vae, weights.ToDictionary(w => older.GetValueOrDefault(w.Key, w.Key), w => w.Value), name, rename: AutoencoderKL.CurrentKey);
        foreach ((string key, Tensor value) in vae.state_dict())
            Assert.True(value.equal(weights[key]).all().ToBoolean(), key);
    }

    [Fact]
    public void Blocks_equal_diffusers_on_inputs_of_tiny_variance()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        JsonElement json = Fixtures.Json(Path.Combine("13_eps_probe", "eps_probe.json"));
        Dictionary<string, Tensor> io = Fixtures.Tensors(Path.Combine("13_eps_probe", "eps_probe.safetensors"));
        const string Prefix = "05_vae.";
        // The probe's VAE is the folder's first.
        using AutoencoderKL vae = Load((string)Files().First()[0]);
        Dictionary<string, nn.Module> modules = vae.named_modules().ToDictionary(m => m.name, m => m.module);
        string[] outputs = [.. io.Keys.Where(k => k.StartsWith("out." + Prefix, StringComparison.Ordinal))];
        Assert.NotEmpty(outputs);
        foreach (string key in outputs)
        {
            string module = key[("out." + Prefix).Length..];
            Tensor actual = ((nn.Module<Tensor, Tensor>)modules[module]).call(io["in." + Prefix + module]);
            Fixtures.AssertClose(actual, io[key], json.GetProperty("tolerances").GetProperty(Prefix + module).GetProperty("tol_abs").GetDouble(), key);
        }
    }

    [Fact]
    public void Sdxl_autoencoder_has_the_published_keys_and_shapes()
    {
        using var vae = new AutoencoderKL(new VaeConfig(), device: new Device(DeviceType.META));
        using var reader = new StreamReader(new GZipStream(File.OpenRead(Fixtures.Path("12_manifests", "sdxl_vae.tsv.gz")), CompressionMode.Decompress));
        string[] expected = reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string[] actual = [.. vae.state_dict().Select(t => $"{t.Key}\t{string.Join('x', t.Value.shape)}")];
        Assert.Equal(expected.Order(StringComparer.Ordinal), actual.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Training_from_scratch_lowers_the_reconstruction_error_and_leaks_nothing()
    {
        random.manual_seed(1);
        using var vae = new AutoencoderKL(new VaeConfig { BlockOutChannels = [8, 8, 8], LayersPerBlock = 1, NormGroups = 4 });
        using Tensor images = rand(2, 3, 16, 16) * 2 - 1;
        using optim.Optimizer optimizer = optim.AdamW(vae.parameters(), lr: 3e-3);
        double first = Step(), last = first;
        long live = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        for (int i = 0; i < 30; i++)
            last = Step();
        Assert.True(last < 0.8 * first, $"{first} -> {last}");
        Assert.Equal(live, DisposeScopeManager.Statistics.ThreadTotalLiveCount);

        double Step()
        {
            using DisposeScope scope = NewDisposeScope();
            optimizer.zero_grad();
            Tensor loss = nn.functional.mse_loss(vae.call(images), images);
            loss.backward();
            optimizer.step();
            return loss.item<float>();
        }
    }

    [Theory]
    [InlineData("""{"down_block_types": ["AttnDownEncoderBlock2D"], "block_out_channels": [8]}""", "down_block_types")]
    [InlineData("""{"act_fn": "tanhshrink", "block_out_channels": [8]}""", "act_fn")]
    [InlineData("""{"down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"], "block_out_channels": [8]}""", "block_out_channels")]
    public void An_unknown_configuration_names_the_field(string json, string field)
        => Assert.Equal(field, Assert.Throws<ModelConfigException>(() => VaeConfig.FromJson(ModelConfig.Parse(json, "vae/config.json"))).Field);

    private static AutoencoderKL Load(string name)
    {
        JsonElement json = Fixtures.Json(Path.Combine("05_vae", name + ".json"));
        var vae = new AutoencoderKL(VaeConfig.FromJson(ModelConfig.Parse(json.GetProperty("config").GetRawText(), name)));
        using SafetensorsFile weights = SafetensorsFile.Open(Fixtures.Path("05_vae", name + ".weights.safetensors"));
        StateDictLoader.Load(vae, weights, rename: AutoencoderKL.CurrentKey);
        vae.eval();
        return vae;
    }
}
