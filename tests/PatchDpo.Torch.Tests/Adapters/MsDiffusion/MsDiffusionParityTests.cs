using System.Globalization;
using System.Text.Json;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Adapters.MsDiffusion;
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

namespace PatchDpo.Torch.Tests.Adapters.MsDiffusion;

/// <summary>MS-Diffusion against the official code: projection, masks, layers, layouts, sampling and training steps that the fixtures have.</summary>
public class MsDiffusionParityTests
{
    private const string Forward = MsFixture.Folder + "/forward.json", Train = MsFixture.Folder + "/train.json";

    [Fact]
    public void The_grounding_Resampler_matches_at_every_stage()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        MsFixture f = new();
        Close(f, "fourier", FourierBoxes.Of(f.Io["in.boxes"].flatten(0, 1)));
        Dictionary<string, Tensor> outputs = [];
        string[] stages = [.. UNetFixture.Expected(f.Json).Where(n => n.StartsWith("proj.", StringComparison.Ordinal))];
        Assert.NotEmpty(stages);
        foreach (string stage in stages)
            UNetFixture.Record(f.Projection, stage["proj.".Length..], outputs);
        Close(f, "tokens.grounded", f.Tokens(dropped: null));
        foreach (string stage in stages)
            Close(f, stage, outputs[stage["proj.".Length..]]);
        Close(f, "tokens.drop_some", f.Tokens(f.Dropped));
        Close(f, "tokens.dropped", f.Tokens(f.Dropped.ones_like()));
    }

    [Fact]
    public void One_layer_matches_with_boxes_scales_and_none()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        MsFixture f = new();
        Attention attention = TestedLayer(f);
        Tensor input = f.Io["in.attn_hidden"][0], tokens = f.Tokens(dropped: null);
        (long height, long width) = Grid(f);
        Tensor covered = MsDiffusionAttention.Covered(f.Io["in.boxes"], height, width);
        (Tensor bias, Tensor foreground) = MsDiffusionAttention.Mask(covered, tokens.shape[1]);
        // The reference's dummy tokens are seen by the background alone.
        int dummy = f.Json.GetProperty("dummy_tokens").GetInt32();
        Close(f, "attn2.mask_bias", cat([(foreground * -10_000).expand(-1, -1, dummy), bias], 2));
        if (f.Io.TryGetValue("out.attn2.background", out Tensor? background))
            Assert.Equal(background.to(float32).data<float>().ToArray(), (1 - foreground).squeeze(2).data<float>().ToArray());

        string[] scales = [.. UNetFixture.Expected(f.Json).Where(n => n.StartsWith("attn2.out.scale_", StringComparison.Ordinal))];
        Assert.NotEmpty(scales);
        foreach (string name in scales)
            Compare(name, f.Prompt(tokens), double.Parse(name["attn2.out.scale_".Length..], CultureInfo.InvariantCulture));
        Compare("attn2.out.subject_scales", f.Prompt(tokens, f.Numbers("subject_scales")), 0.123);
        Compare("attn2.out.zero_boxes", f.Prompt(tokens, boxes: f.Io["in.boxes"].zeros_like()), 1);

        void Compare(string name, ImagePrompt prompt, double scale)
        {
            using MsDiffusionAttention branch = new(f.Layers, prompt, new BranchSettings(scale, ScalarType.Float32));
            Close(f, name, attention.call(input, f.Io["in.text"], new ImagePromptPlace(branch, height, width)));
        }
    }

    [Fact]
    public void The_automatic_layout_matches_call_by_call()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        MsFixture f = new();
        Attention attention = TestedLayer(f);
        (long height, long width) = Grid(f);
        using MsDiffusionAttention branch = new(
            f.Layers, f.Prompt(f.Tokens(dropped: null), phrases: Phrases(f)), new BranchSettings(1, ScalarType.Float32, Layout: Layout(f)));
        int calls = (int)f.Io["in.attn_hidden"].shape[0];
        Tensor? sum = null;
        for (int i = 0; i < calls; i++)
        {
            Tensor input = f.Io["in.attn_hidden"][i];
            attention.call(input, f.Io["in.text"], new ImagePromptPlace(new Probe(layer =>
            {
                Tensor map = MsDiffusionAttention.PhraseMaps(layer, Phrases(f));
                Close(f, $"attn2.pseudo.text_map.{i}", map.unflatten(2, height, width));
                sum = (sum is null ? map : sum + map).DetachFromDisposeScope();
                return layer.AttendToText();
            }), height, width));
            Close(f, $"attn2.pseudo.out.{i}", attention.call(input, f.Io["in.text"], new ImagePromptPlace(branch, height, width)));
        }
        Close(f, "attn2.pseudo.mean_map_normalised", MsDiffusionAttention.Normalized(sum! / calls).unflatten(2, height, width));
    }

    [Fact]
    public void Noise_predictions_match()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        MsFixture f = new();
        Compare("noise_pred.grounded", f.Prompt(f.Tokens(dropped: null)), 1);
        Compare("noise_pred.drop_some", f.Prompt(f.Tokens(f.Dropped)), 1);
        Compare("noise_pred.subject_scales", f.Prompt(f.Tokens(dropped: null), f.Numbers("subject_scales")), 0.123);
        foreach (string name in UNetFixture.Expected(f.Json).Where(n => n.StartsWith("noise_pred.scale_", StringComparison.Ordinal)))
            Compare(name, f.Prompt(f.Tokens(dropped: null)), double.Parse(name["noise_pred.scale_".Length..], CultureInfo.InvariantCulture));

        void Compare(string name, ImagePrompt prompt, double scale)
        {
            using MsDiffusionAttention branch = new(f.Layers, prompt, new BranchSettings(scale, ScalarType.Float32));
            Close(f, name, f.UNet.forward(f.Io["in.sample"], f.Io["in.timestep"], f.Io["in.text"], f.Io["in.pooled"], f.Io["in.time_ids"], branch));
        }
    }

    [Theory]
    [InlineData("layout")]
    [InlineData("auto")]
    public void Sampling_with_boxes_and_with_the_automatic_layout_matches(string run)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        MsFixture f = new();
        Tensor timeIds = tensor(new float[] { 1024, 1024, 0, 0, 1024, 1024 }).expand(f.Prompts, -1);
        ImagePrompt image = f.Prompt(f.Tokens(dropped: null), phrases: Phrases(f)), negativeImage = image.Map(t => t.zeros_like());
        NoiseSchedule schedule = new(NoiseScheduleConfig.FromJson(EulerSchedule));
        using ISampler sampler = schedule.CreateSampler(SamplerKind.Euler);
        BranchSettings settings = new(f.Scale, ScalarType.Float32, (int)f.Prompts, run == "auto" ? Layout(f) : null);
        GuidedSampling.Run(
            c =>
            {
                MsDiffusionAttention branch = new(f.Layers, c.Image, settings);
                return new ConditionedNetwork((x, t) => f.UNet.forward(x, t, c.Text.HiddenStates, c.Text.Pooled, c.TimeIds, branch), branch);
            },
            sampler, f.Config.GetProperty("steps").GetInt32(), guidanceScale: 7.5, f.Io["in.latents_unit"],
            new PromptConditions(new TextConditions(f.Io["in.text"], f.Io["in.pooled"]), image, timeIds),
            new PromptConditions(new TextConditions(f.Io["in.negative_text"], f.Io["in.negative_pooled"]), negativeImage, timeIds), step =>
            {
                if (step.Index == 0)
                {
                    Close(f, $"sampling.{run}.step0.uncond", step.Unconditional!);
                    Close(f, $"sampling.{run}.step0.cond", step.Conditional);
                }
                Close(f, $"sampling.{run}.latents.{step.Index}", step.Latents);
            }, CancellationToken.None);
    }

    [Fact]
    public void Every_tensor_of_the_fixtures_is_compared()
    {
        string[] compared = ["fourier", "tokens.grounded", "tokens.drop_some", "tokens.dropped", "proj.", "attn2.mask_bias", "attn2.background", "attn2.out.",
            "attn2.pseudo.out.", "attn2.pseudo.text_map.", "attn2.pseudo.mean_map_normalised", "noise_pred.", "sampling.layout.", "sampling.auto."];
        Assert.All(UNetFixture.Expected(Fixtures.Json(Forward)), n => Assert.Contains(compared, c => n.StartsWith(c, StringComparison.Ordinal)));
        compared = ["ms.", "patchdpo."];
        Assert.All(UNetFixture.Expected(Fixtures.Json(Train)), n => Assert.Contains(compared, c => n.StartsWith(c, StringComparison.Ordinal)));
    }

    [Fact]
    public void The_authors_own_training_step_matches()
    {
        using DisposeScope scope = NewDisposeScope();
        MsFixture f = Trainable();
        JsonElement json = Fixtures.Json(Train);
        Dictionary<string, Tensor> io = Fixtures.Tensors(MsFixture.Folder + "/train.io.safetensors");
        Tensor noisy = Schedule(json).AddNoise(io["in.latents"], io["in.noise"], io["in.timesteps"]);
        Tensor timeIds = io.GetValueOrDefault("in.time_ids") ?? f.Io["in.time_ids"];
        using MsDiffusionAttention branch = new(f.Layers, f.Prompt(f.Tokens(f.Dropped)), new BranchSettings(1, ScalarType.Float32));
        Tensor prediction = f.UNet.forward(noisy, io["in.timesteps"], f.Io["in.text"], f.Io["in.pooled"], timeIds, branch);
        Tensor loss = (prediction - io["in.noise"]).square().mean();
        loss.backward();
        AssertStep(f, json, io, "ms.", loss, prediction);
    }

    [Fact]
    public void A_PatchDPO_step_matches()
    {
        using DisposeScope scope = NewDisposeScope();
        MsFixture f = Trainable();
        JsonElement json = Fixtures.Json(Train);
        Dictionary<string, Tensor> io = Fixtures.Tensors(MsFixture.Folder + "/train.io.safetensors");
        NoiseSchedule schedule = Schedule(json);
        TrainingBatch batch = TrainingBatch.OfPairs(
            io["in.pair.latents"], io["in.noise"], io["in.timesteps"], new TextConditions(f.Io["in.text"], f.Io["in.pooled"]),
            f.Prompt(f.Tokens(dropped: null)), io["in.pair.time_ids"], PatchDpoLoss.Weights(io["in.pair.target_rmap"], io["in.pair.contra_rmap"]));
        TrainingStep step = TrainingStep.Forward(schedule, (x, t, c) =>
        {
            using MsDiffusionAttention branch = new(f.Layers, c.Image, new BranchSettings(1, ScalarType.Float32));
            return f.UNet.forward(x, t, c.Text.HiddenStates, c.Text.Pooled, c.TimeIds, branch);
        }, batch);
        Tensor loss = new WeightedErrorObjective(TrainingObjective.PatchDpo, new(), schedule, minSnrGamma: null)
            .Loss(step, () => throw new InvalidOperationException("PatchDPO has no frozen model.")).Value;
        loss.backward();
        AssertStep(f, json, io, "patchdpo.", loss, step.Prediction);
    }

    [Fact]
    public void The_published_checkpoint_is_read_and_written_back_with_its_parameter()
    {
        using DisposeScope scope = NewDisposeScope();
        MsFixture f = new();
        string path = Fixtures.Path(MsFixture.Folder, MsFixture.Official);
        Assert.Equal("ms-diffusion", AdapterFamilies.Of(path).Name);
        MsDiffusionFile.Check(path, f.UNet.Config);
        (GroundingResampler projection, MsDiffusionLayers layers, Tensor dummy) = MsDiffusionFile.Read(path, f.UNet.Config, headChannels: f.HeadChannels);
        Fixtures.AssertClose(dummy, f.DummyTokens, 0, "dummy tokens");
        foreach ((nn.Module read, nn.Module other) in new (nn.Module, nn.Module)[] { (projection, f.Projection), (layers, f.Layers) })
            foreach ((string name, Tensor value) in other.state_dict())
                Fixtures.AssertClose(read.state_dict()[name], value, 0, name);

        DirectoryInfo folder = Directory.CreateTempSubdirectory("patchdpo-ms-");
        foreach (string ending in new[] { ".bin", ".safetensors" })
        {
            string written = Path.Combine(folder.FullName, "ms" + ending);
            MsDiffusionFile.Write(written, projection, layers, dummy);
            using ITensorFile original = WeightsFile.OpenStateDict(path), copy = WeightsFile.OpenStateDict(written);
            Assert.Equal(original.Keys.Order(StringComparer.Ordinal), copy.Keys.Order(StringComparer.Ordinal));
            Assert.All(original.Keys, k => Assert.Equal(original.Read(k).bytes.ToArray(), copy.Read(k).bytes.ToArray()));
        }
        // torch.load gives a Parameter, as the published file does.
        using (System.IO.Compression.ZipArchive zip = System.IO.Compression.ZipFile.OpenRead(Path.Combine(folder.FullName, "ms.bin")))
        using (StreamReader pickle = new(zip.GetEntry("archive/data.pkl")!.Open(), System.Text.Encoding.Latin1))
            Assert.Contains("_rebuild_parameter", pickle.ReadToEnd(), StringComparison.Ordinal);
        folder.Delete(recursive: true);
    }

    [Fact]
    public void The_full_size_model_has_the_published_keys_and_shapes()
    {
        var options = new GroundingResamplerOptions(new ResamplerOptions { InputChannels = 1664 }, PhraseChannels: 768, HiddenChannels: 1664);
        using var projection = new GroundingResampler(options, META);
        using var layers = new MsDiffusionLayers(UNetManifestTests.Sdxl, META);
        Dictionary<string, long[]> expected = Manifest.Read("ms-diffusion_sdxl", MsFixture.Folder);
        Assert.True(expected.Remove(MsDiffusionFile.DummyTokens, out long[]? dummy));
        Assert.Equal(3, dummy.Length);
        Manifest.AssertSame(expected, ("image_proj.", projection), ("ms_adapter.", layers));
    }

    [Fact]
    public void The_image_encoder_ViT_bigG_has_the_published_keys_and_shapes()
    {
        using var encoder = new ClipVisionEncoder(new ClipVisionConfig
        {
            HiddenSize = 1664,
            IntermediateSize = 8192,
            NumLayers = 48,
            NumHeads = 16,
            ImageSize = 224,
            PatchSize = 14,
            ProjectionDim = 1280,
        }, META);
        Dictionary<string, long[]> expected = Manifest.Read("clip_vit_bigg14_vision_hf", MsFixture.Folder);
        // A buffer of older versions, which loading leaves aside.
        expected.Remove("vision_model.embeddings.position_ids");
        Manifest.AssertSame(expected, encoder);
    }

    [Fact]
    public void Phrases_lie_in_prompts_where_the_official_code_finds_them()
    {
        ClipTokenizer tokenizer = ClipTokenizer.FromOpenAiVocabulary(Fixtures.Path("09_tokenizer", "bpe_simple_vocab_16e6.txt.gz"));
        JsonElement[] cases = [.. Fixtures.Json("17_concept101_scores/tokens.json").GetProperty("phrase_index").EnumerateArray()];
        Assert.NotEmpty(cases);
        Assert.All(cases, c =>
        {
            int[] range = [.. c.GetProperty("range").EnumerateArray().Select(v => v.GetInt32())];
            Assert.Equal((range[0], range[1]), PhraseWords.Find(
                tokenizer, c.GetProperty("prompt").GetString()!, c.GetProperty("phrase").GetString()!, c.GetProperty("occurrence").GetInt32()));
        });
    }

    [Fact]
    public void A_forward_pass_leaks_nothing()
    {
        MsFixture f = new();
        Tensor tokens = f.Tokens(dropped: null), phrases = Phrases(f);
        LeakCheck.Run(() =>
        {
            using DisposeScope scope = NewDisposeScope();
            using MsDiffusionAttention branch = new(f.Layers, f.Prompt(tokens, phrases: phrases), new BranchSettings(1, ScalarType.Float32, Layout: Layout(f)));
            for (int i = 0; i < 3; i++)
                f.UNet.forward(f.Io["in.sample"], f.Io["in.timestep"], f.Io["in.text"], f.Io["in.pooled"], f.Io["in.time_ids"], branch);
        });
    }

    private static AutomaticLayout Layout(MsFixture f)
        => new() { Threshold = f.Config.GetProperty("threshold").GetDouble(), StartStep = f.Config.GetProperty("start_step").GetInt32() };

    private static Tensor Phrases(MsFixture f) => f.Io["in.phrase_idxes"].to(int64);

    private static (long Height, long Width) Grid(MsFixture f)
    {
        long side = (long)Math.Sqrt(f.Io["in.attn_hidden"].shape[2]);
        return (side, side);
    }

    private static Attention TestedLayer(MsFixture f) => (Attention)UNetFixture.Module(
        f.UNet, f.Json.GetProperty("attn2_module").GetString()!.Replace(".processor", "", StringComparison.Ordinal));

    private static MsFixture Trainable()
    {
        MsFixture f = new();
        foreach (Parameter parameter in f.UNet.parameters())
            parameter.requires_grad = false;
        foreach (Parameter parameter in f.Projection.parameters().Concat(f.Layers.parameters()))
            parameter.requires_grad = true;
        return f;
    }

    private static void AssertStep(MsFixture f, JsonElement json, Dictionary<string, Tensor> io, string prefix, Tensor loss, Tensor prediction)
    {
        HashSet<string> seen = [];
        Close("loss", loss);
        Close("noise_pred", prediction);
        foreach ((string name, Parameter parameter) in f.Layers.named_parameters())
            Close("grad." + name, parameter.grad!);
        foreach ((string name, Parameter parameter) in f.Projection.named_parameters())
            if (parameter.grad is not null)
                Close("grad.image_proj." + name, parameter.grad);
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

    private static NoiseSchedule Schedule(JsonElement json)
        => new(NoiseScheduleConfig.ForTraining(ModelConfig.Parse(json.GetProperty("scheduler").GetRawText(), "train.json")));

    private static ModelConfig EulerSchedule => ModelConfig.Parse("""
        {"_class_name": "EulerDiscreteScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
         "num_train_timesteps": 1000, "prediction_type": "epsilon", "timestep_spacing": "leading", "steps_offset": 1, "interpolation_type": "linear"}
        """, "euler");

    private static void Close(MsFixture f, string name, Tensor actual) => UNetFixture.AssertClose(f.Json, f.Io, name, actual, Forward);

    private sealed class Probe(Func<CrossAttentionCall, Tensor> attend) : IImagePromptBranch
    {
        public void Check(long batch)
        {
        }

        public Tensor Attend(CrossAttentionCall layer) => attend(layer);
    }
}
