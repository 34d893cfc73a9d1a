using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion.Samplers;
using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Diffusion.Vae;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Tests.Personalization.SingleFile;
using PatchDpo.Torch.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Personalization;

/// <summary>Whole models in one file at full size, by their keys and shapes on the meta device.</summary>
public class SingleFileLayoutTests
{
    private static readonly PersonalizedModelOptions Options = new() { TokenizerPath = "tokenizer" };

    [Fact]
    public void Every_tensor_of_Stable_Diffusion_15_has_its_name_there_and_back()
        => AssertNames("sd15_unet", UNet15(""), SingleFileLayout.StableDiffusion15.UNet);

    [Fact]
    public void Every_tensor_of_SDXL_has_its_name_there_and_back() => AssertNames("sdxl_unet", UNetXl(""), SingleFileLayout.SdxlBase.UNet);

    [Fact]
    public void Every_tensor_of_the_autoencoder_has_its_name_there_and_back()
    {
        Dictionary<string, long[]> theirs = LdmNames.Autoencoder(""), ours = Manifest.Read("sdxl_vae");
        string[] mapped = [.. ours.Keys.Select(k => LdmKeyMap.VaeKey(new VaeConfig(), k))];
        Assert.Equal(theirs.Keys.Order(StringComparer.Ordinal), mapped.Order(StringComparer.Ordinal));
        foreach ((string key, string name) in ours.Keys.Zip(mapped))
            Assert.Equal(ours[key], theirs[name] is [long rows, long columns, 1, 1] && ours[key].Length == 2 ? [rows, columns] : theirs[name]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void All_parts_of_a_published_file_load_with_what_stands_beside_them_left_aside(bool isXl)
    {
        using DisposeScope scope = NewDisposeScope();
        using SingleFileSource source = SingleFileSource.Open(new ShapesFile(Whole(isXl)), Options);
        Assert.Equal(isXl, source.HasTwoTextEncoders);
        using UNet2DConditionModel unet = source.OpenUNet(CPU, ScalarType.Float16);
        Manifest.AssertSame(Manifest.Read(isXl ? "sdxl_unet" : "sd15_unet"), unet);
        using AutoencoderKL vae = source.OpenVae(CPU, ScalarType.Float32);
        Manifest.AssertSame(Manifest.Read("sdxl_vae"), vae);
        Assert.Equal(isXl ? 0.13025 : 0.18215, vae.ScalingFactor);
        using ClipTextEncoder text = source.OpenTextEncoder(second: false, CPU, ScalarType.Float16);
        Manifest.AssertSame(Text(), text);
        if (!isXl)
            return;
        using ClipTextEncoder second = source.OpenTextEncoder(second: true, CPU, ScalarType.Float16);
        Manifest.AssertSame(Manifest.Read("openclip_bigg_text_hf"), second);
    }

    [Fact]
    public void A_text_encoder_that_was_saved_without_its_modules_name_loads_too()
    {
        using DisposeScope scope = NewDisposeScope();
        Dictionary<string, long[]> whole = Whole(isXl: false).ToDictionary(
            t => t.Key.Replace(".transformer.text_model.", ".transformer.", StringComparison.Ordinal), t => t.Value);
        using SingleFileSource source = SingleFileSource.Open(new ShapesFile(whole), Options);
        using ClipTextEncoder text = source.OpenTextEncoder(second: false, CPU, ScalarType.Float16);
        Manifest.AssertSame(Text(), text);
    }

    [Theory]
    [InlineData("Stable Diffusion 2", "cond_stage_model.model.ln_final.weight")]
    [InlineData("SDXL's refiner", "conditioner.embedders.0.model.ln_final.weight")]
    [InlineData("no text encoder")]
    [InlineData("no autoencoder", "cond_stage_model.transformer.text_model.final_layer_norm.weight")]
    public void Other_families_and_parts_are_refused_by_name(string named, params string[] keys)
    {
        Dictionary<string, long[]> shapes = keys.Prepend("model.diffusion_model.input_blocks.0.0.weight")
            .ToDictionary(k => k, _ => new long[] { 320, 4, 3, 3 });
        if (named != "no autoencoder")
            shapes.Add("first_stage_model.encoder.conv_in.weight", [128, 3, 3, 3]);
        Assert.Contains(named, Refused(shapes), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(9, "a model for inpainting")]
    [InlineData(8, "InstructPix2Pix")]
    [InlineData(7, "takes 7 channels")]
    public void Models_with_other_inputs_are_refused_by_name(long channels, string named)
    {
        Dictionary<string, long[]> shapes = Whole(isXl: false);
        shapes["model.diffusion_model.input_blocks.0.0.weight"] = [320, channels, 3, 3];
        Assert.Contains(named, Refused(shapes), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight", "Stable Diffusion 3")]
    [InlineData("model.diffusion_model.double_blocks.0.img_attn.qkv.weight", "FLUX")]
    [InlineData("ip_adapter.1.to_k_ip.weight", "an IP-Adapter; give it as the adapter (--adapter)")]
    [InlineData("lora_unet_mid_block.lora_up.weight", "a LoRA")]
    [InlineData("down_blocks.0.resnets.0.conv1.weight", "a UNet under diffusers' names")]
    [InlineData("encoder.weight", "a file of 1 tensors")]
    public void What_is_no_such_model_is_named(string key, string named) => Assert.Contains(named, Refused(new() { [key] = [1] }), StringComparison.Ordinal);

    [Fact]
    public void A_file_without_a_tokenizer_says_what_to_name()
    {
        ArgumentException e = Assert.Throws<ArgumentException>(() => SingleFileSource.Open(new ShapesFile(Whole(isXl: false)), new()));
        Assert.Contains("--tokenizer FOLDER with vocab.json and merges.txt", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, "PNDMScheduler", PredictionType.Epsilon)]
    [InlineData(true, "EulerDiscreteScheduler", PredictionType.Epsilon)]
    [InlineData(true, "EulerDiscreteScheduler", PredictionType.Velocity, "v_pred")]
    public void The_schedule_is_that_of_the_familys_folder(bool isXl, string scheduler, PredictionType prediction, params string[] notes)
    {
        using SingleFileSource source = SingleFileSource.Open(new ShapesFile(
            Whole(isXl).Concat(notes.Select(n => new KeyValuePair<string, long[]>(n, []))).ToDictionary()), Options);
        NoiseScheduleConfig config = NoiseScheduleConfig.FromJson(source.Scheduler);
        Assert.Equal(SamplerKinds.OfClass(scheduler), config.Sampler);
        Assert.Equal((0.00085, 0.012, BetaSchedule.ScaledLinear, 1000), (config.BetaStart, config.BetaEnd, config.BetaSchedule, config.TrainTimesteps));
        Assert.Equal((TimestepSpacing.Leading, 1, prediction), (config.TimestepSpacing, config.StepsOffset, config.PredictionType));
        Assert.Equal((isXl ? 128 : 64, isXl), (source.UNetConfig.SampleSize, source.UNetConfig.HasTextTimeEmbedding));
    }

    private static string Refused(Dictionary<string, long[]> shapes)
    {
        UnknownModelException e = Assert.Throws<UnknownModelException>(() => SingleFileSource.Open(new ShapesFile(shapes), Options));
        Assert.DoesNotContain('\n', e.Message);
        return e.Message;
    }

    private static void AssertNames(string manifest, Dictionary<string, long[]> theirs, UNetConfig config)
    {
        Dictionary<string, long[]> ours = Manifest.Read(manifest);
        Dictionary<string, string> map = ours.Keys.ToDictionary(k => LdmKeyMap.UNetKey(config, k), k => k, StringComparer.Ordinal);
        Assert.Equal(theirs.Select(t => $"{t.Key} {string.Join('x', t.Value)}").Order(StringComparer.Ordinal),
            map.Select(m => $"{m.Key} {string.Join('x', ours[m.Value])}").Order(StringComparer.Ordinal));
    }

    private static Dictionary<string, long[]> UNet15(string prefix) => LdmNames.UNet(
        prefix, [1, 2, 4, 4], [1, 1, 1, 0], context: 768, linear: false, labels: null);

    private static Dictionary<string, long[]> UNetXl(string prefix) => LdmNames.UNet(prefix, [1, 2, 4], [0, 2, 10], context: 2048, linear: true, labels: 2816);

    private static Dictionary<string, long[]> Text() => Manifest.Read("clip_l_text_hf").Where(t => !t.Key.EndsWith("position_ids", StringComparison.Ordinal))
        .ToDictionary();

    // The keys of v1-5-pruned and of sd_xl_base_1.0.
    private static Dictionary<string, long[]> Whole(bool isXl)
    {
        Dictionary<string, long[]> unet = isXl ? UNetXl("model.diffusion_model.") : UNet15("model.diffusion_model.");
        Dictionary<string, long[]> whole = new(unet.Concat(LdmNames.Autoencoder("first_stage_model.")), StringComparer.Ordinal)
        {
            ["model_ema.decay"] = [],
            ["model_ema.num_updates"] = [],
            ["alphas_cumprod"] = [1000],
            ["betas"] = [1000],
            ["first_stage_model.loss.logvar"] = [],
        };
        foreach ((string key, long[] shape) in unet)
            whole.Add("model_ema." + key["model.".Length..].Replace(".", "", StringComparison.Ordinal), shape);
        string text = isXl ? "conditioner.embedders.0.transformer." : "cond_stage_model.transformer.";
        foreach ((string key, long[] shape) in Text())
            whole.Add(text + key, shape);
        whole.Add(text + "text_model.embeddings.position_ids", [1, 77]);
        if (isXl)
        {
            foreach ((string key, long[] shape) in LdmNames.OpenClipText("conditioner.embedders.1.model.", 1280, 32))
                whole.Add(key, shape);
        }
        return whole;
    }
}
