using System.Text.Json;
using PatchDpo.Tests;
using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Diffusion.Vae;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Personalization;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Personalization;

/// <summary>
/// Generation with a Stable Diffusion 1.5 folder against a restatement in one line of steps, as a reader of diffusers' pipeline
/// and IP-Adapter's code would write it down: UNet and autoencoder are the fixtures', whose outputs are golden.
/// </summary>
public class StableDiffusion15SamplingTests
{
    private const string Prompt = "a cat on sand", Negative = "bad dog";
    private const double Guidance = 7.5, Scale = 0.6;
    private const int Steps = 5, Seed = 11;

    private static readonly ImageBuffer[] References = [TinyModelFixture.Image(1), TinyPersonalizedModel.Image(2, 50, 40)];

    [Theory]
    [InlineData(TinyAdapter.Linear)]
    [InlineData(TinyAdapter.Plus)]
    [InlineData(TinyAdapter.Full)]
    public void Images_are_those_of_the_restatement(TinyAdapter adapter)
    {
        using DisposeScope scope = NewDisposeScope();
        using var temporary = new TemporaryFolder();
        string folder = WriteFixtureModel(temporary.File("model"), adapter);
        using PersonalizedModel model = PersonalizedModel.Load(folder);
        var options = new GenerationOptions { Steps = Steps, GuidanceScale = Guidance, AdapterScale = Scale, NegativePrompt = Negative, Seed = Seed };
        ImageBuffer actual = model.Generate([new GenerationRequest(Prompt, References)], options)[0];

        bool isLinear = adapter == TinyAdapter.Linear;
        ImageBuffer expected = Restate(folder, isLinear, zeroStates: isLinear, penultimateText: false);
        Assert.InRange(expected.Pixels.Max() - expected.Pixels.Min(), 64, 255);
        Assert.InRange(Difference(expected, actual), 0, 1);
        // The test would see the two mistakes that are easily made.
        Assert.InRange(Difference(Restate(folder, isLinear, zeroStates: !isLinear, penultimateText: false), actual), 3, 255);
        Assert.InRange(Difference(Restate(folder, isLinear, zeroStates: isLinear, penultimateText: true), actual), 3, 255);
    }

    private static ImageBuffer Restate(string folder, bool isLinear, bool zeroStates, bool penultimateText)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        using UNet2DConditionModel unet = UNet2DConditionModel.FromFolder(Path.Combine(folder, "unet"));
        using AutoencoderKL vae = AutoencoderKL.FromFolder(Path.Combine(folder, "vae"));
        using ClipTextEncoder text = ClipTextEncoder.FromFolder(Path.Combine(folder, "text_encoder"));
        using ClipVisionEncoder vision = ClipVisionEncoder.FromFolder(Path.Combine(folder, "image_encoder"));
        using IpAdapterModel adapter = IpAdapterFile.Read(Path.Combine(folder, "ip_adapter.safetensors"), unet.Config);

        Tensor Text(string prompt)
        {
            ClipTextOutput output = text.Encode(TinyPersonalizedModel.Ids(prompt));
            return penultimateText ? output.PenultimateHiddenState : output.LastHiddenState;
        }
        Tensor States(Tensor pixels) => isLinear ? vision.call(pixels).ImageEmbeds! : vision.HiddenStates(pixels)[^2];
        Tensor pixels = stack(References.Select(new HfClipPreprocessor(32, 32).Preprocess));
        Tensor tokens = adapter.Projection.call(States(pixels)).mean([0], keepdim: true);
        Tensor nothing = States(zeros(1, 3, 32, 32));
        Tensor negativeTokens = adapter.Projection.call(zeroStates ? zeros_like(nothing) : nothing);
        (Tensor prompt, Tensor negativePrompt) = (Text(Prompt), Text(Negative));

        double[] signal = new double[1000];
        for (int t = 0; t < 1000; t++)
        {
            double beta = Math.Sqrt(0.00085) + (t / 999.0 * (Math.Sqrt(0.012) - Math.Sqrt(0.00085)));
            signal[t] = (t == 0 ? 1 : signal[t - 1]) * (1 - (beta * beta));
        }
        int side = unet.Config.SampleSize!.Value;
        Tensor latents = RequestNoise.Create(Seed, [0], [unet.Config.InChannels, side, side], CPU);
        for (int t = ((Steps - 1) * 1000 / Steps) + 1; t > 0; t -= 1000 / Steps)
        {
            Tensor unconditional = unet.forward(latents, tensor(t), negativePrompt, imagePrompt: new IpAttention(adapter.Layers, negativeTokens, Scale));
            Tensor conditional = unet.forward(latents, tensor(t), prompt, imagePrompt: new IpAttention(adapter.Layers, tokens, Scale));
            Tensor noise = unconditional + (Guidance * (conditional - unconditional));
            double now = signal[t], next = signal[Math.Max(t - (1000 / Steps), 0)];
            Tensor clean = (latents - (Math.Sqrt(1 - now) * noise)) / Math.Sqrt(now);
            latents = (Math.Sqrt(next) * clean) + (Math.Sqrt(1 - next) * noise);
        }
        Tensor image = ((vae.Decode(latents / vae.ScalingFactor) / 2) + 0.5).clamp(0, 1) * 255;
        byte[] bytes = image.round().to(ScalarType.Byte)[0].permute(1, 2, 0).contiguous().data<byte>().ToArray();
        return new ImageBuffer((int)image.shape[3], (int)image.shape[2], 3, bytes);
    }

    /// <summary>A tiny Stable Diffusion 1.5 with the fixtures' UNet and autoencoder in place of its own.</summary>
    private static string WriteFixtureModel(string folder, TinyAdapter adapter)
    {
        const string UNet = "06_unet/sd15_tiny.json", Vae = "05_vae/vae_tiny.json";
        JsonElement unet = Fixtures.Json(UNet).GetProperty("full_config");
        UNetConfig config = UNetConfig.FromJson(PatchDpo.Torch.Models.ModelConfig.Parse(unet.GetRawText(), UNet));
        TinyPersonalizedModel.Write(folder, sampler: "DDIMScheduler", family: TinyFamily.Sd15, textWidth: config.CrossAttentionDims[0]);
        Replace("unet", UNet, unet);
        Replace("vae", Vae, Fixtures.Json(Vae).GetProperty("config"));
        TinyPersonalizedModel.WriteAdapter(Path.Combine(folder, "ip_adapter.safetensors"), config, adapter);
        return folder;

        void Replace(string part, string fixture, JsonElement json)
        {
            File.WriteAllText(Path.Combine(folder, part, "config.json"), json.GetRawText());
            File.Copy(Fixtures.Path(FixtureCases.Sibling(fixture, ".weights.safetensors")), Path.Combine(folder, part, "diffusion_pytorch_model.safetensors"),
                overwrite: true);
        }
    }

    private static int Difference(ImageBuffer a, ImageBuffer b)
    {
        Assert.Equal((a.Width, a.Height), (b.Width, b.Height));
        return a.Pixels.Zip(b.Pixels, (x, y) => Math.Abs(x - y)).Max();
    }
}
