using PatchDpo.Tests;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Diffusion.Samplers;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Personalization;

public class PersonalizedModelTests(TinyModelFixture fixture) : IClassFixture<TinyModelFixture>
{
    private readonly PersonalizedModel _model = fixture.Model;

    [Fact]
    public void Sizes_come_from_the_folder()
    {
        Assert.Equal(TinyPersonalizedModel.ImageSize, _model.ImageSize);
        Assert.Equal(4, _model.LatentScale);
        Assert.Equal(4, _model.LatentChannels);
        Assert.Equal(SamplerKind.Euler, _model.Schedule.Config.Sampler);
    }

    [Fact]
    public void Conditions_have_the_shapes_that_the_network_takes()
    {
        using DisposeScope scope = NewDisposeScope();
        TextConditions text = _model.EncodeText(["a cat", "a red ball on a beach, in the sun"]);
        Assert.Equal([2, 16, 24], text.HiddenStates.shape);
        Assert.Equal([2, 10], text.Pooled!.shape);
        ImageBuffer[] references = [TinyModelFixture.Image(1), TinyModelFixture.Image(2)];
        IpAdapterPromptEncoder encoder = (IpAdapterPromptEncoder)_model.References;
        Tensor states = encoder.EncodeStates(references);
        Assert.Equal([2, 5, 16], states.shape);
        ImagePrompt tokens = _model.EncodeReferences(references);
        Assert.Equal([2, 4, 24], tokens["tokens"].shape);
        Assert.Equal([3, 5, 16], encoder.EncodeDroppedStates(3).shape);
        Tensor latents = _model.EncodeLatents([TinyModelFixture.Image(1), TinyPersonalizedModel.Image(2, 50, 40)]);
        Assert.Equal([2, 4, 8, 8], latents.shape);
        Tensor prediction = _model.PredictNoise(latents, tensor(new long[] { 3, 700 }), text, tokens, ones(2, 6) * 32);
        Assert.Equal(latents.shape, prediction.shape);
        Assert.False(prediction.requires_grad);
        Assert.All(_model.DecodeLatents(latents), i => Assert.Equal((32, 32, 3), (i.Width, i.Height, i.Channels)));
    }

    [Fact]
    public void The_same_seed_gives_the_same_images_whatever_the_batch()
    {
        GenerationRequest[] requests = [.. Enumerable.Range(0, 5).Select(
            i => new GenerationRequest($"a thing {i}", [.. Enumerable.Range(i, 1 + (i % 3)).Select(TinyModelFixture.Image)]))];
        IReadOnlyList<ImageBuffer> one = Generate(1), two = Generate(2), all = Generate(8);
        Assert.Equal(requests.Length, one.Count);
        for (int i = 0; i < requests.Length; i++)
        {
            AssertAlike(one[i], two[i]);
            AssertAlike(one[i], all[i]);
        }
        Assert.Equal(all.Select(a => Convert.ToHexString(a.Pixels)), Generate(8).Select(a => Convert.ToHexString(a.Pixels)));
        Assert.NotEqual(all[0].Pixels, _model.Generate([requests[0]], Options(8, seed: 8))[0].Pixels);

        IReadOnlyList<ImageBuffer> Generate(int batch) => _model.Generate(requests, Options(batch));
    }

    [Fact]
    public void A_noise_index_makes_a_request_independent_of_its_place()
    {
        GenerationRequest first = new("a", [TinyModelFixture.Image(1)]), second = new("b", [TinyModelFixture.Image(2)]);
        IReadOnlyList<ImageBuffer> together = _model.Generate([first, second], Options(2));
        AssertAlike(together[1], _model.Generate([second with { NoiseIndex = 1 }], Options(1))[0]);
    }

    [Theory]
    [InlineData(SamplerKind.EulerAncestral)]
    [InlineData(SamplerKind.DpmSolverPlusPlus2MSde)]
    [InlineData(SamplerKind.Lcm)]
    [InlineData(SamplerKind.Heun)]
    public void Fresh_noise_belongs_to_seed_step_and_request_whatever_the_batch(SamplerKind kind)
    {
        GenerationRequest first = new("a", [TinyModelFixture.Image(1)]), second = new("b", [TinyModelFixture.Image(2)]);
        GenerationOptions options = new() { Steps = 3, Sampler = kind };
        IReadOnlyList<ImageBuffer> together = _model.Generate([first, second], options);
        AssertAlike(together[1], _model.Generate([second with { NoiseIndex = 1 }], options)[0]);
        AssertAlike(together[0], _model.Generate([first], options)[0]);
    }

    [Fact]
    public void Noises_of_a_run_are_strangers()
    {
        using DisposeScope scope = NewDisposeScope();
        long[] shape = [4, 16, 16];
        // Start and steps of neighbouring seeds and requests: nothing may come twice.
        Tensor rows = cat([.. from seed in new[] { 0L, 1, 42 } from step in new int?[] { null, 0, 1, 2 } select RequestNoise.Create(
            seed, [0, 1, 2], shape, CPU, step)]).flatten(1);
        Tensor correlation = rows.matmul(rows.t()) / rows.shape[1];
        Fixtures.AssertClose(correlation, eye(rows.shape[0]), 0.2, "correlation of noises");
    }

    [Fact]
    public void Prompt_reference_scale_guidance_and_sampler_all_matter()
    {
        GenerationRequest request = new("a cat", [TinyModelFixture.Image(1)]);
        byte[] plain = Run(request, new GenerationOptions { Steps = 3 });
        Assert.NotEqual(plain, Run(request with { Prompt = "a dog" }, new GenerationOptions { Steps = 3 }));
        Assert.NotEqual(plain, Run(request with { References = [TinyModelFixture.Image(7)] }, new GenerationOptions { Steps = 3 }));
        Assert.NotEqual(plain, Run(request, new GenerationOptions { Steps = 3, AdapterScale = 0.2 }));
        Assert.NotEqual(plain, Run(request, new GenerationOptions { Steps = 3, GuidanceScale = 1 }));
        Assert.NotEqual(plain, Run(request, new GenerationOptions { Steps = 3, NegativePrompt = "" }));
        foreach (SamplerKind kind in Enum.GetValues<SamplerKind>())
            Assert.Equal(kind == SamplerKind.Euler, plain.AsSpan().SequenceEqual(Run(request, new GenerationOptions { Steps = 3, Sampler = kind })));
        // Without guidance the negative prompt is not even encoded.
        Assert.Equal(Run(request, new GenerationOptions { Steps = 3, GuidanceScale = 1 }),
            Run(request, new GenerationOptions { Steps = 3, GuidanceScale = 0.5, NegativePrompt = "x" }));

        byte[] Run(GenerationRequest r, GenerationOptions options) => _model.Generate([r], options)[0].Pixels;
    }

    [Fact]
    public void Progress_tells_every_step()
    {
        var reports = new List<GenerationProgress>();
        GenerationRequest request = new("a", [TinyModelFixture.Image(1)]);
        _model.Generate([request, request, request], new GenerationOptions { Steps = 2, BatchSize = 2, NegativePrompt = "b" },
            new DirectProgress<GenerationProgress>(reports.Add));
        Assert.Equal([new(0, 3, 1, 2), new(0, 3, 2, 2), new(2, 3, 1, 2), new(2, 3, 2, 2)], reports);
    }

    [Fact]
    public void Cancelling_stops_between_steps()
    {
        using var source = new CancellationTokenSource();
        int steps = 0;
        var progress = new DirectProgress<GenerationProgress>(_ => { if (++steps == 2) source.Cancel(); });
        Assert.Throws<OperationCanceledException>(() => _model.Generate([new("a", [TinyModelFixture.Image(1)])], new GenerationOptions { Steps = 5 }, progress,
            source.Token));
        Assert.Equal(2, steps);
    }

    [Fact]
    public void A_long_prompt_is_named_by_its_request_before_any_work()
    {
        GenerationRequest good = new("a", [TinyModelFixture.Image(1)]), bad = good with { Prompt = new string('x', 2_001) };
        PromptTooLongException e = Assert.Throws<PromptTooLongException>(() => _model.Generate([good, bad], new GenerationOptions { BatchSize = 1 }));
        Assert.Equal((1, 2_001, 2_000), (e.PromptIndex, e.Length, e.Limit));
        Assert.Equal(1, Assert.Throws<PromptTooLongException>(() => _model.EncodeText(["ab", "abc"], maxPromptCharacters: 2)).PromptIndex);
        Assert.Null(Assert.Throws<PromptTooLongException>(() => _model.Generate([good], new GenerationOptions { NegativePrompt = bad.Prompt })).PromptIndex);
    }

    [Fact]
    public void A_request_whose_reference_is_null_is_named()
        => Assert.Contains("Request 1", Assert.Throws<ArgumentException>(() => _model.Generate([new("a", [TinyModelFixture.Image(1)]), new("b", [null!])]))
            .Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void Without_references_the_image_prompt_is_that_of_a_dropped_image(double guidance)
    {
        GenerationOptions options = new() { Steps = 3, Seed = 4, GuidanceScale = guidance };
        byte[] generated = _model.Generate([new("a cat", [])], options)[0].Pixels;
        Assert.Equal(generated, ByHand(1));
        Assert.NotEqual(generated, _model.Generate([new("a cat", [TinyModelFixture.Image(1)])], options)[0].Pixels);
        Assert.NotEqual(generated, _model.Generate([new("a dog", [])], options)[0].Pixels);
        // Scale 0 leaves the image prompt out, whichever it is.
        GenerationOptions without = new() { Steps = 3, Seed = 4, GuidanceScale = guidance, AdapterScale = 0 };
        Assert.Equal(ByHand(0), _model.Generate([new("a cat", [])], without)[0].Pixels);
        Assert.Equal(ByHand(0), _model.Generate([new("a cat", [TinyModelFixture.Image(1)])], without)[0].Pixels);

        byte[] ByHand(double adapterScale)
        {
            using DisposeScope scope = NewDisposeScope();
            using IDisposable noGrad = no_grad();
            PromptConditions Conditions(string prompt) => new(
                _model.EncodeText([prompt]), _model.EncodeDroppedReference(1), tensor(new float[] { 32, 32, 0, 0, 32, 32 }).unsqueeze(0));
            using ISampler sampler = _model.Schedule.CreateSampler();
            Tensor latents = GuidedSampling.Run(
                c => _model.Condition(c, _model.AdapterLayers, adapterScale), sampler, 3, guidance,
                RequestNoise.Create(4, [0], [4, 8, 8], CPU), Conditions("a cat"), guidance > 1 ? Conditions(options.NegativePrompt) : null, null, default);
            return _model.DecodeLatents(latents)[0].Pixels;
        }
    }

    [Fact]
    public void Requests_with_and_without_references_mix_in_a_batch()
    {
        GenerationRequest[] requests = [new("a", []), new("b", [TinyModelFixture.Image(1), TinyModelFixture.Image(2)]), new("c", []),
            new("d", [TinyModelFixture.Image(3)])];
        IReadOnlyList<ImageBuffer> together = _model.Generate(requests, Options(4));
        for (int i = 0; i < requests.Length; i++)
            AssertAlike(together[i], _model.Generate([requests[i] with { NoiseIndex = i }], Options(1))[0]);
    }

    [Fact]
    public void No_requests_give_no_images() => Assert.Empty(_model.Generate([]));

    [Fact]
    public void Generation_leaks_nothing()
        => LeakCheck.Run(() => _model.Generate([new("a", [TinyModelFixture.Image(1)]), new("b", [TinyModelFixture.Image(2)]), new("c", [])],
            new GenerationOptions { Steps = 2, BatchSize = 1, Sampler = SamplerKind.DpmSolverPlusPlus2M }));

    [Theory]
    [InlineData("model_index.json")]
    [InlineData("ip_adapter.safetensors")]
    [InlineData("unet/config.json")]
    [InlineData("unet/diffusion_pytorch_model.safetensors")]
    [InlineData("vae/diffusion_pytorch_model.safetensors")]
    [InlineData("text_encoder/model.safetensors")]
    [InlineData("text_encoder_2/config.json")]
    [InlineData("tokenizer_2/vocab.json")]
    [InlineData("image_encoder/model.safetensors")]
    [InlineData("scheduler/scheduler_config.json")]
    public void A_missing_file_is_named(string file)
    {
        using var temporary = new TemporaryFolder();
        string folder = TinyPersonalizedModel.Write(temporary.File("model"));
        File.Delete(Path.Combine(folder, file));
        string message = Assert.Throws<ModelFileNotFoundException>(() => PersonalizedModel.Load(folder)).Message;
        Assert.Contains(Path.GetFileName(file), message, StringComparison.Ordinal);
        Assert.Contains(Path.GetDirectoryName(Path.Combine(folder, file))!, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Models_with_other_layers_share_the_rest_and_outlive_each_other()
    {
        using var temporary = new TemporaryFolder();
        PersonalizedModel first = PersonalizedModel.Load(TinyPersonalizedModel.Write(temporary.File("model")));
        AdapterLayers layers = first.AdapterLayers.Clone();
        using (no_grad())
            foreach (TorchSharp.Modules.Parameter parameter in layers.parameters())
                parameter.mul_(-3);
        first.AdapterScale = 0.7;
        using PersonalizedModel second = first.WithAdapterLayers(layers);
        GenerationRequest request = new("a", [TinyModelFixture.Image(1)]);
        byte[] before = first.Generate([request], Options(1))[0].Pixels, other = second.Generate([request], Options(1))[0].Pixels;
        Assert.NotEqual(before, other);
        Assert.Equal(0.7, second.AdapterScale);
        first.Dispose();
        first.Dispose();
        Assert.Equal(other, second.Generate([request], Options(1))[0].Pixels);
        Assert.Throws<ObjectDisposedException>(() => first.WithAdapterLayers(layers));
    }

    [Fact]
    public void A_saved_adapter_loads_into_the_same_model()
    {
        using var temporary = new TemporaryFolder();
        string file = temporary.File("adapter.safetensors");
        _model.SaveAdapter(file);
        using PersonalizedModel loaded = PersonalizedModel.Load(_model.FolderPath, file);
        GenerationRequest request = new("a", [TinyModelFixture.Image(1)]);
        Assert.Equal(_model.Generate([request], Options(1))[0].Pixels, loaded.Generate([request], Options(1))[0].Pixels);
    }

    private static GenerationOptions Options(int batch, long seed = 7) => new() { Steps = 4, BatchSize = batch, Seed = seed };

    // Other batch sizes sum in another order: single pixels may round to the neighbouring value.
    private static void AssertAlike(ImageBuffer expected, ImageBuffer actual)
        => Assert.True(expected.Pixels.Zip(actual.Pixels, (a, b) => Math.Abs(a - b)).Max() <= 1);
}
