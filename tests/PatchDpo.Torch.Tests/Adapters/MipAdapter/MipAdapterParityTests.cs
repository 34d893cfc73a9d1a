using System.Globalization;
using System.Text.Json;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Adapters.MipAdapter;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Diffusion.Blocks;
using PatchDpo.Torch.Diffusion.Samplers;
using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Tests.Diffusion.UNet;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Training.Data;
using PatchDpo.Torch.Training.Objectives;
using PatchDpo.Torch.Weights;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Adapters.MipAdapter;

/// <summary>MIP-Adapter against the official code: both variants, all objects, scales and layers that the fixtures have.</summary>
public class MipAdapterParityTests
{
    private const string Forward = MipFixture.Folder + "/forward.json", Train = MipFixture.Folder + "/train.json";

    private static readonly string[] Variants = ["linear", "plus"];

    [Fact]
    public void Noise_predictions_match_at_every_scale()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        MipFixture f = new();
        foreach (string variant in Variants)
        {
            Tensor tokens = Projection(f, variant).call(f.Features(variant));
            Close(f, $"{variant}.ip_tokens", tokens);
            foreach ((string name, double scale) in Scaled(f, $"{variant}.noise_pred.scale_"))
            {
                var branch = new MipAttention(f.Layers, f.Prompt(tokens), new BranchSettings(scale, ScalarType.Float32));
                Close(f, name, f.UNet.forward(
                    f.Io["in.sample"], f.Io["in.timestep"], f.Io["in.text"], f.Io["in.pooled"], f.Io["in.time_ids"], branch));
            }
        }
    }

    [Fact]
    public void One_layer_matches_with_its_word_maps_and_its_gate()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        MipFixture f = new();
        var attention = (Attention)UNetFixture.Module(
            f.UNet, f.Json.GetProperty("attn2_module").GetString()!.Replace(".processor", "", StringComparison.Ordinal));
        Tensor input = f.Io["in.attn_hidden"], tokens = f.Plus.call(f.Features("plus"));
        // The grid is square in the reference; the branch does not ask.
        foreach ((string name, double scale) in Scaled(f, "attn2.out.scale_"))
        {
            var branch = new MipAttention(f.Layers, f.Prompt(tokens), new BranchSettings(scale, ScalarType.Float32));
            Close(f, name, attention.call(input, f.Io["in.text"], new ImagePromptPlace(branch, 1, input.shape[1])));
        }
        attention.call(input, f.Io["in.text"], new ImagePromptPlace(new Branch(layer =>
        {
            Close(f, "attn2.word_maps_object0", MipAttention.WordMaps(layer, f.Io["in.entity_text"].select(1, 0)));
            Tensor text = layer.AttendToText();
            Close(f, "attn2.text_branch", layer.MergeHeads(text));
            Close(f, "attn2.gate", f.Layers[layer.LayerIndex].Opening(layer.MergeHeads(text)));
            return text;
        }), 1, input.shape[1]));
    }

    [Fact]
    public void Sampling_with_several_photos_of_an_object_matches()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        MipFixture f = new();
        int[] photos = [.. f.Config.GetProperty("refs").EnumerateArray().Select(r => r.GetInt32())];
        long prompts = f.Io["in.token_len"].shape[0], objects = f.Io["in.token_len"].shape[1];
        Tensor timeIds = SamplingTimeIds(f);
        foreach (string variant in Variants)
        {
            MipAdapterPromptEncoder encoder = new(null!, null!);
            nn.Module<Tensor, Tensor> projection = Projection(f, variant);
            // Photos of an object are averaged as they are encoded; the objects of a prompt are then fused.
            Tensor averaged = ReferenceTokens.Average(projection.call(f.Io[$"in.refs_{variant}"]), photos);
            ImagePrompt rows = new([new("tokens", averaged.unsqueeze(1)), new("names", f.Io["in.entity_text"].flatten(0, 1).unsqueeze(1)),
                new("lengths", f.Io["in.token_len"].reshape(-1, 1))]);
            Tensor none = variant == "plus" ? f.Io["in.zero_image_plus"] : zeros(1, f.Number("clip_dim"));
            ImagePrompt dropped = new([new("tokens", projection.call(none).unsqueeze(1)), new("names", f.Io["in.entity_text_empty"]),
                new("lengths", ones([1, 1], ScalarType.Int64))]);
            ImagePrompt image = encoder.Fuse(rows, [.. Enumerable.Repeat((int)objects, (int)prompts)], null, ReferenceFusion.Merge);
            ImagePrompt negativeImage = encoder.Unconditional(image, dropped);
            Close(f, $"sampling.{variant}.tokens", image["tokens"].flatten(1, 2));
            Close(f, $"sampling.{variant}.tokens_negative", negativeImage["tokens"].flatten(1, 2));
            NoiseSchedule schedule = new(NoiseScheduleConfig.FromJson(EulerSchedule));
            using ISampler sampler = schedule.CreateSampler(SamplerKind.Euler);
            double scale = SamplingScale(f);
            GuidedSampling.Run(
                ConditionedNetwork.Of((x, t, c) => f.UNet.forward(
                    x, t, c.Text.HiddenStates, c.Text.Pooled, c.TimeIds, new MipAttention(f.Layers, c.Image, new BranchSettings(scale, ScalarType.Float32)))),
                sampler, f.Number("steps"), guidanceScale: 5, f.Io["in.latents_unit"],
                new PromptConditions(new TextConditions(f.Io["in.text"], f.Io["in.pooled"]), image, timeIds),
                new PromptConditions(new TextConditions(f.Io["in.negative_text"], f.Io["in.negative_pooled"]), negativeImage, timeIds), step =>
                {
                    if (step.Index == 0)
                    {
                        Close(f, $"sampling.{variant}.step0.uncond", step.Unconditional!);
                        Close(f, $"sampling.{variant}.step0.cond", step.Conditional);
                    }
                    Close(f, $"sampling.{variant}.latents.{step.Index}", step.Latents);
                }, CancellationToken.None);
        }
    }

    [Fact]
    public void Every_tensor_of_the_fixtures_is_compared()
    {
        string[] compared = ["linear.", "plus.", "attn2.word_maps_object0", "attn2.text_branch", "attn2.gate", "attn2.out.scale_", "sampling."];
        Assert.All(UNetFixture.Expected(Fixtures.Json(Forward)), n => Assert.Contains(compared, c => n.StartsWith(c, StringComparison.Ordinal)));
        compared = ["mip.linear.", "mip.plus.", "patchdpo.plus."];
        Assert.All(UNetFixture.Expected(Fixtures.Json(Train)), n => Assert.Contains(compared, c => n.StartsWith(c, StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("linear")]
    [InlineData("plus")]
    public void The_authors_own_training_step_matches(string variant)
    {
        using DisposeScope scope = NewDisposeScope();
        MipFixture f = Trainable();
        JsonElement json = Fixtures.Json(Train);
        Dictionary<string, Tensor> io = Fixtures.Tensors(MipFixture.Folder + "/train.io.safetensors");
        NoiseSchedule schedule = Schedule(json);
        ImagePrompt image = f.Prompt(Projection(f, variant).call(f.Features(variant)));
        Tensor noisy = schedule.AddNoise(io["in.latents"], io["in.noise"], io["in.timesteps"]);
        Tensor prediction = f.UNet.forward(noisy, io["in.timesteps"], f.Io["in.text"], f.Io["in.pooled"], io["in.time_ids"],
            new MipAttention(f.Layers, image, new BranchSettings(1, ScalarType.Float32)));
        Tensor loss = (prediction - io["in.noise"]).square().mean();
        loss.backward();
        AssertStep(f, json, io, $"mip.{variant}.", loss, prediction);
    }

    [Fact]
    public void A_PatchDPO_step_matches()
    {
        using DisposeScope scope = NewDisposeScope();
        MipFixture f = Trainable();
        JsonElement json = Fixtures.Json(Train);
        Dictionary<string, Tensor> io = Fixtures.Tensors(MipFixture.Folder + "/train.io.safetensors");
        NoiseSchedule schedule = Schedule(json);
        TrainingBatch batch = TrainingBatch.OfPairs(
            io["in.pair.latents"], io["in.noise"], io["in.timesteps"], new TextConditions(f.Io["in.text"], f.Io["in.pooled"]),
            f.Prompt(f.Plus.call(f.Features("plus"))), io["in.pair.time_ids"], PatchDpoLoss.Weights(io["in.pair.target_rmap"], io["in.pair.contra_rmap"]));
        TrainingStep step = TrainingStep.Forward(schedule, (x, t, c) => f.UNet.forward(
            x, t, c.Text.HiddenStates, c.Text.Pooled, c.TimeIds, new MipAttention(f.Layers, c.Image, new BranchSettings(1, ScalarType.Float32))), batch);
        Tensor loss = new WeightedErrorObjective(TrainingObjective.PatchDpo, new(), schedule, minSnrGamma: null)
            .Loss(step, () => throw new InvalidOperationException("PatchDPO has no frozen model.")).Value;
        loss.backward();
        AssertStep(f, json, io, "patchdpo.plus.", loss, step.Prediction);
    }

    [Fact]
    public void The_official_checkpoint_is_read_and_written_back()
    {
        using DisposeScope scope = NewDisposeScope();
        MipFixture f = new();
        string path = Fixtures.Path(MipFixture.Folder, "mip_plus_tiny.official_half.bin");
        int headChannels = f.Config.GetProperty("resampler").GetProperty("dim_head").GetInt32();
        Assert.Equal("mip-adapter", AdapterFamilies.Of(path).Name);
        var host = new AdapterHost(null!, f.UNet.Config, "", CPU, ScalarType.Float32);
        (nn.Module<Tensor, Tensor> projection, MipAdapterLayers layers) = MipAdapterFamily.ReadParts(path, host, headChannels);
        foreach ((nn.Module read, nn.Module full) in new (nn.Module, nn.Module)[] { (projection, f.Plus), (layers, f.Layers) })
            foreach ((string name, Tensor value) in full.state_dict())
                Fixtures.AssertClose(read.state_dict()[name], value.half().to(float32), 0, name);

        string written = Path.Combine(Directory.CreateTempSubdirectory("patchdpo-mip-").FullName, "mip.bin");
        IpAdapterFile.Write(written, projection, layers);
        using ITensorFile original = WeightsFile.OpenStateDict(path), copy = WeightsFile.OpenStateDict(written);
        Assert.Equal(original.Keys.Order(StringComparer.Ordinal), copy.Keys.Order(StringComparer.Ordinal));
        Assert.All(original.Keys, k => Assert.Equal(original.Read(k).bytes.ToArray(), copy.Read(k).bytes.ToArray()));
        Directory.Delete(Path.GetDirectoryName(written)!, recursive: true);
    }

    [Theory]
    [InlineData("mip-adapter_sdxl")]
    [InlineData("mip-adapter_sdxl_plus")]
    public void The_full_size_model_has_the_published_keys_and_shapes(string name)
    {
        using nn.Module projection = name.EndsWith("plus", StringComparison.Ordinal)
            ? new Resampler(new ResamplerOptions(), META) : new LinearImageProjection(1280, 2048, device: META);
        using var layers = new MipAdapterLayers(UNetManifestTests.Sdxl, META);
        Manifest.AssertSame(Manifest.Read(name, MipFixture.Folder), ("image_proj.", projection), ("ip_adapter.", layers));
    }

    [Fact]
    public void Names_lie_in_prompts_where_the_official_code_finds_them()
    {
        ClipTokenizer tokenizer = ClipTokenizer.FromOpenAiVocabulary(Fixtures.Path("09_tokenizer", "bpe_simple_vocab_16e6.txt.gz"));
        JsonElement[] cases = [.. Fixtures.Json("17_concept101_scores/tokens.json").GetProperty("entity_index").EnumerateArray()];
        Assert.NotEmpty(cases);
        Assert.All(cases, c =>
        {
            (string prompt, string name) = (c.GetProperty("prompt").GetString()!, c.GetProperty("entity").GetString()!);
            (int place, int count) = (NameTokens.Find(tokenizer, prompt, name), NameTokens.Count(tokenizer, name));
            Assert.Equal(Numbers(c, "training"), new[] { place, count });
            Assert.Equal(Numbers(c, "inference"), place < 0 ? new[] { 1, 1 } : new[] { place, count });
        });

        static int[] Numbers(JsonElement json, string name) => [.. json.GetProperty(name).EnumerateArray().Select(v => v.GetInt32())];
    }

    [Fact]
    public void A_forward_pass_leaks_nothing()
    {
        MipFixture f = new();
        Tensor tokens = f.Plus.call(f.Features("plus"));
        LeakCheck.Run(() =>
        {
            using DisposeScope scope = NewDisposeScope();
            f.UNet.forward(f.Io["in.sample"], f.Io["in.timestep"], f.Io["in.text"], f.Io["in.pooled"], f.Io["in.time_ids"],
                new MipAttention(f.Layers, f.Prompt(tokens), new BranchSettings(1, ScalarType.Float32)));
        });
    }

    private static MipFixture Trainable()
    {
        MipFixture f = new();
        foreach (Parameter parameter in f.UNet.parameters())
            parameter.requires_grad = false;
        return f;
    }

    private static void AssertStep(MipFixture f, JsonElement json, Dictionary<string, Tensor> io, string prefix, Tensor loss, Tensor prediction)
    {
        HashSet<string> seen = [];
        Close("loss", loss);
        Close("noise_pred", prediction);
        foreach ((string name, Parameter parameter) in f.Layers.named_parameters())
            Close("grad." + name, parameter.grad!);
        foreach ((string name, Parameter parameter) in f.Plus.named_parameters())
            if (parameter.grad is not null)
                Close("grad_image_proj_norm." + name, parameter.grad.norm());
        Assert.Empty(io.Keys.Where(k => k.StartsWith("out." + prefix, StringComparison.Ordinal)).Except(seen));
        Assert.Equal(json.GetProperty("losses").GetProperty(prefix + "loss").GetDouble(), loss.item<float>(), 1e-5);

        void Close(string name, Tensor actual)
        {
            if (!io.TryGetValue($"out.{prefix}{name}", out Tensor? expected))
                return;
            seen.Add($"out.{prefix}{name}");
            Fixtures.AssertClose(actual.reshape(expected.shape), expected, FixtureCases.Tolerance(json, prefix + name), prefix + name);
        }
    }

    private static nn.Module<Tensor, Tensor> Projection(MipFixture f, string variant) => variant == "plus" ? f.Plus : f.Linear;

    private static IEnumerable<(string Name, double Scale)> Scaled(MipFixture f, string prefix)
    {
        string[] names = [.. UNetFixture.Expected(f.Json).Where(n => n.StartsWith(prefix, StringComparison.Ordinal))];
        Assert.NotEmpty(names);
        return names.Select(n => (n, double.Parse(n[prefix.Length..], CultureInfo.InvariantCulture)));
    }

    private static NoiseSchedule Schedule(JsonElement json)
        => new(NoiseScheduleConfig.ForTraining(ModelConfig.Parse(json.GetProperty("scheduler").GetRawText(), "train.json")));

    private static ModelConfig EulerSchedule => ModelConfig.Parse("""
        {"_class_name": "EulerDiscreteScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
         "num_train_timesteps": 1000, "prediction_type": "epsilon", "timestep_spacing": "leading", "steps_offset": 1, "interpolation_type": "linear"}
        """, "euler");

    // The pipeline's own size, and the weight that the fixture's second scale is.
    private static Tensor SamplingTimeIds(MipFixture f) => tensor(new float[] { 1024, 1024, 0, 0, 1024, 1024 }).expand(f.Io["in.token_len"].shape[0], -1);

    private static double SamplingScale(MipFixture f) => f.Config.GetProperty("scale2").GetDouble();

    private static void Close(MipFixture f, string name, Tensor actual) => UNetFixture.AssertClose(f.Json, f.Io, name, actual, Forward);

    private sealed class Branch(Func<CrossAttentionCall, Tensor> attend) : IImagePromptBranch
    {
        public void Check(long batch)
        {
        }

        public Tensor Attend(CrossAttentionCall layer) => attend(layer);
    }
}
