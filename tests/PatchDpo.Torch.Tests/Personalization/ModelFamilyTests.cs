using PatchDpo.Tests;
using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Diffusion.Samplers;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Personalization;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Personalization;

/// <summary>What both families of models do with every kind of adapter.</summary>
public class ModelFamilyTests(TinyFamilies families) : IClassFixture<TinyFamilies>
{
    private const int Width = 12, PooledWidth = 10, VisionWidth = 16, VisionTokens = 5;

    public static TheoryData<TinyFamily, TinyAdapter> All() => TinyFamilies.All();

    [Theory]
    [MemberData(nameof(All))]
    public void Conditions_have_the_shapes_that_the_network_takes(TinyFamily family, TinyAdapter adapter)
    {
        using DisposeScope scope = NewDisposeScope();
        PersonalizedModel model = families.Model(family, adapter);
        int width = family == TinyFamily.Sd15 ? Width : 2 * Width;
        TextConditions text = model.EncodeText(["a cat", "a dog"]);
        Assert.Equal([2, 16, width], text.HiddenStates.shape);
        Assert.Equal(family == TinyFamily.Sd15 ? null : [2, PooledWidth], text.Pooled?.shape);
        ImageBuffer[] references = [TinyModelFixture.Image(1), TinyModelFixture.Image(2)];
        Tensor states = ((IpAdapterPromptEncoder)model.References).EncodeStates(references);
        Assert.Equal(adapter == TinyAdapter.Linear ? [2, PooledWidth] : [2, VisionTokens, VisionWidth], states.shape);
        ImagePrompt tokens = model.EncodeReferences(references);
        Assert.Equal([2, adapter == TinyAdapter.Full ? VisionTokens : 4, width], tokens["tokens"].shape);
        Tensor latents = model.EncodeLatents([TinyModelFixture.Image(1), TinyModelFixture.Image(2)]);
        Tensor prediction = model.PredictNoise(latents, tensor(new long[] { 3, 700 }), text, tokens);
        Assert.Equal(latents.shape, prediction.shape);
        // Without sizes of its own, SDXL is told the latents' size.
        Fixtures.AssertClose(prediction, model.PredictNoise(latents, tensor(new long[] { 3, 700 }), text, tokens,
            tensor(new float[,] { { 32, 32, 0, 0, 32, 32 }, { 32, 32, 0, 0, 32, 32 } })), 0, "time ids");
    }

    [Fact]
    public void The_scheduler_of_the_folder_is_taken()
    {
        Assert.Equal(SamplerKind.Plms, families.Model(TinyFamily.Sd15, TinyAdapter.Plus).Schedule.Config.Sampler);
        Assert.Equal(SamplerKind.Euler, families.Model(TinyFamily.Sdxl, TinyAdapter.Plus).Schedule.Config.Sampler);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_missing_reference_is_a_zero_embedding_or_zero_pixels(TinyFamily family, TinyAdapter adapter)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        PersonalizedModel model = families.Model(family, adapter);
        Tensor dropped = ((IpAdapterPromptEncoder)model.References).EncodeDroppedStates(3);
        using ClipVisionEncoder encoder = ClipVisionEncoder.FromFolder(Path.Combine(model.FolderPath, "image_encoder"));
        Tensor expected = adapter == TinyAdapter.Linear ? zeros(1, PooledWidth) : encoder.HiddenStates(zeros(1, 3, 32, 32))[^2];
        Fixtures.AssertClose(dropped, expected.expand(dropped.shape), 1e-6, "dropped reference");
        Assert.Equal(3, dropped.shape[0]);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Every_input_and_option_matters(TinyFamily family, TinyAdapter adapter)
    {
        PersonalizedModel model = families.Model(family, adapter);
        GenerationRequest request = new("a cat", [TinyModelFixture.Image(1)]);
        var options = new GenerationOptions { Steps = 3 };
        byte[] plain = Run(request, options);
        Assert.Equal(plain, Run(request, new GenerationOptions { Steps = 3 }));
        Assert.NotEqual(plain, Run(request with { Prompt = "a dog" }, options));
        Assert.NotEqual(plain, Run(request with { References = [TinyModelFixture.Image(7)] }, options));
        Assert.NotEqual(plain, Run(request with { References = [TinyModelFixture.Image(1), TinyModelFixture.Image(7)] }, options));
        Assert.NotEqual(plain, Run(request, new GenerationOptions { Steps = 3, NegativePrompt = "a dog" }));
        Assert.NotEqual(plain, Run(request, new GenerationOptions { Steps = 3, GuidanceScale = 2 }));
        Assert.NotEqual(plain, Run(request, new GenerationOptions { Steps = 3, AdapterScale = 0.3 }));
        Assert.NotEqual(plain, Run(request, new GenerationOptions { Steps = 3, Seed = 7 }));
        // Without weight, the references are as good as absent.
        var textAlone = new GenerationOptions { Steps = 3, AdapterScale = 0 };
        Assert.Equal(Run(request, textAlone), Run(request with { References = [TinyModelFixture.Image(7)] }, textAlone));

        byte[] Run(GenerationRequest r, GenerationOptions o) => model.Generate([r], o)[0].Pixels;
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Tokens_of_several_references_are_averaged_after_the_projection(TinyFamily family, TinyAdapter adapter)
    {
        using DisposeScope scope = NewDisposeScope();
        PersonalizedModel model = families.Model(family, adapter);
        ImageBuffer[] references = [TinyModelFixture.Image(1), TinyModelFixture.Image(2), TinyPersonalizedModel.Image(3, 40, 50)];
        var options = new GenerationOptions { Steps = 3, GuidanceScale = 1, Sampler = SamplerKind.Ddim };
        ImageBuffer actual = model.Generate([new("a cat", references)], options)[0];

        ImagePrompt tokens = new("tokens", stack(references.Select(r => model.EncodeReferences([r])["tokens"])).mean([0]));
        using ISampler sampler = model.Schedule.CreateSampler(SamplerKind.Ddim);
        sampler.SetTimesteps(3);
        Tensor latents = RequestNoise.Create(options.Seed, [0], [4, 8, 8], CPU);
        for (int i = 0; i < 3; i++)
            latents = sampler.Step(model.PredictNoise(latents, tensor(sampler.Timesteps[i]), model.EncodeText(["a cat"]), tokens), latents, i);
        AssertAlike(model.DecodeLatents(latents)[0], actual);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Images_of_a_prompt_have_noise_of_their_own_whatever_the_batch(TinyFamily family, TinyAdapter adapter)
    {
        PersonalizedModel model = families.Model(family, adapter);
        GenerationRequest request = new("a cat", [TinyModelFixture.Image(1), TinyModelFixture.Image(2)]);
        IReadOnlyList<ImageBuffer> together = model.Generate([request, request, request], new GenerationOptions { Steps = 3, BatchSize = 2 });
        for (int i = 0; i < together.Count; i++)
        {
            AssertAlike(model.Generate([request with { NoiseIndex = i }], new GenerationOptions { Steps = 3 })[0], together[i]);
            Assert.NotEqual(together[i].Pixels, together[(i + 1) % 3].Pixels);
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Other_sizes_are_any_multiple_of_the_latent_scale(TinyFamily family, TinyAdapter adapter)
    {
        PersonalizedModel model = families.Model(family, adapter);
        GenerationRequest request = new("a cat", [TinyModelFixture.Image(1)]);
        Assert.Equal((40, 20), Size(new GenerationOptions { Steps = 2, Width = 40, Height = 20 }));
        Assert.Equal((24, 32), Size(new GenerationOptions { Steps = 2, Width = 24 }));
        Assert.Equal((32, 36), Size(new GenerationOptions { Steps = 2, Height = 36 }));
        ArgumentException width = Assert.Throws<ArgumentException>(() => Size(new GenerationOptions { Width = 30 }));
        Assert.Contains("A width of 30 pixels is no multiple of the model's latent scale, 4", width.Message, StringComparison.Ordinal);
        Assert.Contains("A height of 6 pixels", Assert.Throws<ArgumentException>(() => Size(new GenerationOptions { Height = 6 })).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new GenerationOptions { Width = 0 });

        (int, int) Size(GenerationOptions options)
        {
            ImageBuffer image = model.Generate([request], options)[0];
            return (image.Width, image.Height);
        }
    }

    [Fact]
    public void SDXL_is_told_the_size_that_is_asked_for()
    {
        using DisposeScope scope = NewDisposeScope();
        PersonalizedModel model = families.Model(TinyFamily.Sdxl, TinyAdapter.Plus);
        Tensor latents = randn(1, 4, 5, 10);
        ImagePrompt tokens = model.EncodeReferences([TinyModelFixture.Image(1)]);
        TextConditions text = model.EncodeText(["a cat"]);
        Tensor expected = model.PredictNoise(latents, tensor(500), text, tokens, tensor(new float[,] { { 20, 40, 0, 0, 20, 40 } }));
        Fixtures.AssertClose(model.PredictNoise(latents, tensor(500), text, tokens), expected, 0, "height first");
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Generation_leaks_nothing(TinyFamily family, TinyAdapter adapter)
    {
        PersonalizedModel model = families.Model(family, adapter);
        LeakCheck.Run(() => model.Generate([new("a", [TinyModelFixture.Image(1)]), new("b", [TinyModelFixture.Image(2)])],
            new GenerationOptions { Steps = 2, BatchSize = 1 }));
        LeakCheck.Run(() => model.EncodeText(["a"]).Dispose());
        LeakCheck.Run(() => model.EncodeDroppedReference(1).Dispose());
    }

    // Other batch sizes sum in another order: single pixels may round to the neighbouring value.
    private static void AssertAlike(ImageBuffer expected, ImageBuffer actual)
        => Assert.InRange(expected.Pixels.Zip(actual.Pixels, (a, b) => Math.Abs(a - b)).Max(), 0, 1);
}
