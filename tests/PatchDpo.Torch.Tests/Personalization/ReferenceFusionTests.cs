using PatchDpo.Tests;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Diffusion.Samplers;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Personalization;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Personalization;

/// <summary>Several objects in one prompt, on both families of models with every adapter.</summary>
public class ReferenceFusionTests(TinyFamilies families) : IClassFixture<TinyFamilies>
{
    private static readonly ImageBuffer First = TinyModelFixture.Image(1), Second = TinyModelFixture.Image(7), Third = TinyPersonalizedModel.Image(4, 40, 50);

    public static TheoryData<TinyFamily, TinyAdapter> All() => TinyFamilies.All();

    [Theory]
    [MemberData(nameof(All))]
    public void Concatenated_references_are_told_apart(TinyFamily family, TinyAdapter adapter)
    {
        PersonalizedModel model = families.Model(family, adapter);
        ImageBuffer one = Generate(ReferenceFusion.Concatenate, First), two = Generate(ReferenceFusion.Concatenate, First, Second);
        Assert.Equal(Generate(ReferenceFusion.Average, First).Pixels, one.Pixels);
        AssertAlike(one, Generate(ReferenceFusion.Concatenate, First, First));
        AssertAlike(two, Generate(ReferenceFusion.Concatenate, Second, First));
        AssertDiffer(two, one);
        AssertDiffer(two, Generate(ReferenceFusion.Average, First, Second));
        AssertDiffer(two, Generate(ReferenceFusion.Concatenate, First, Third));

        ImageBuffer Generate(ReferenceFusion fusion, params ImageBuffer[] references)
            => model.Generate([new("a cat", references)], Options(fusion))[0];
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Each_reference_s_tokens_follow_those_of_the_one_before(TinyFamily family, TinyAdapter adapter)
    {
        using DisposeScope scope = NewDisposeScope();
        PersonalizedModel model = families.Model(family, adapter);
        ImageBuffer[] references = [First, Second, Third];
        var options = new GenerationOptions { Steps = 3, GuidanceScale = 1, AdapterScale = 20, Sampler = SamplerKind.Ddim,
            ReferenceFusion = ReferenceFusion.Concatenate };
        ImageBuffer actual = model.Generate([new("a cat", references)], options)[0];

        ImagePrompt tokens = new("tokens", cat([.. references.Select(r => model.EncodeReferences([r])["tokens"])], 1));
        using ISampler sampler = model.Schedule.CreateSampler(SamplerKind.Ddim);
        sampler.SetTimesteps(3);
        Tensor latents = RequestNoise.Create(options.Seed, [0], [4, 8, 8], CPU);
        for (int i = 0; i < 3; i++)
            latents = sampler.Step(model.PredictNoise(latents, tensor(sampler.Timesteps[i]), model.EncodeText(["a cat"]), tokens, adapterScale: 20),
                latents, i);
        AssertAlike(model.DecodeLatents(latents)[0], actual);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Requests_with_different_numbers_of_references_mix_in_a_batch(TinyFamily family, TinyAdapter adapter)
    {
        PersonalizedModel model = families.Model(family, adapter);
        GenerationRequest[] requests = [new("a", [First, Second]), new("b", [Third]), new("c", []), new("d", [First, Second, Third])];
        foreach (double guidance in new[] { 1.0, 5 })
        {
            IReadOnlyList<ImageBuffer> together = model.Generate(requests, Options(ReferenceFusion.Concatenate, guidance));
            for (int i = 0; i < requests.Length; i++)
                AssertAlike(together[i], model.Generate([requests[i] with { NoiseIndex = i }], Options(ReferenceFusion.Concatenate, guidance))[0]);
        }
    }

    [Fact]
    public void Requests_that_cannot_share_a_batch_are_generated_apart()
    {
        PersonalizedModel model = families.Model(TinyFamily.Sd15, TinyAdapter.Linear);
        int[] counts = [7, 1, 9, 0, 3, 7];
        GenerationRequest[] requests = [.. counts.Select(c => new GenerationRequest("a", [.. Enumerable.Range(0, c).Select(TinyModelFixture.Image)]))];
        var firsts = new List<int>();
        var options = new GenerationOptions { Steps = 1, BatchSize = 6, ReferenceFusion = ReferenceFusion.Concatenate };
        IReadOnlyList<ImageBuffer> images = model.Generate(requests, options, new DirectProgress<GenerationProgress>(p => firsts.Add(p.CompletedImages)));
        Assert.Equal([0, 2, 5], firsts);
        for (int i = 0; i < requests.Length; i++)
            AssertAlike(images[i], model.Generate([requests[i] with { NoiseIndex = i }], options)[0]);
    }

    [Theory]
    [InlineData(new[] { 0, 0 }, 1)]
    [InlineData(new[] { 1, 2 }, 2)]
    [InlineData(new[] { 4, 6, 0 }, 12)]
    [InlineData(new[] { 1, 2, 3, 4, 5, 6 }, 60)]
    [InlineData(new[] { 1, 70, 0, 70 }, 70)]
    [InlineData(new[] { 7, 9 }, null)]
    [InlineData(new[] { int.MaxValue, int.MaxValue - 1 }, null)]
    public void Rows_meet_at_the_least_common_multiple(int[] counts, int? expected) => Assert.Equal(expected, ReferenceTokens.CommonSets(counts));

    [Fact]
    public void Rows_are_repeated_whole()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor tokens = tensor(new float[] { 1, 2, 3, 4, 5, 6 }).reshape(3, 2, 1), dropped = tensor(new float[] { 8, 9 }).reshape(1, 2, 1);
        Tensor fused = ReferenceTokens.Concatenate(tokens, [1, 0, 2], dropped);
        Fixtures.AssertClose(fused, tensor(new float[,] { { 1, 2, 1, 2 }, { 8, 9, 8, 9 }, { 3, 4, 5, 6 } }).unsqueeze(2), 0, "tokens");
        Assert.Throws<ArgumentException>("counts", () => ReferenceTokens.Concatenate(tokens, [7, 9]));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Concatenating_leaks_nothing(TinyFamily family, TinyAdapter adapter)
    {
        PersonalizedModel model = families.Model(family, adapter);
        LeakCheck.Run(() => model.Generate([new("a", [First, Second]), new("b", [Third]), new("c", [])], Options(ReferenceFusion.Concatenate)));
    }

    [Fact]
    public void An_unknown_fusion_is_refused()
        => Assert.Throws<ArgumentOutOfRangeException>("ReferenceFusion", () => new GenerationOptions { ReferenceFusion = (ReferenceFusion)99 });

    // A random adapter says little; the scale lets the image prompt be seen in the pixels.
    private static GenerationOptions Options(ReferenceFusion fusion, double guidance = 5)
        => new() { Steps = 3, GuidanceScale = guidance, AdapterScale = 20, ReferenceFusion = fusion };

    // Other numbers of tokens and rows sum in another order: single samples may round to the neighbouring value.
    private static void AssertAlike(ImageBuffer expected, ImageBuffer actual)
    {
        Assert.InRange(expected.Pixels.Zip(actual.Pixels, (a, b) => Math.Abs(a - b)).Max(), 0, 1);
        Assert.InRange(DifferingShare(expected, actual), 0, 0.01);
    }

    private static void AssertDiffer(ImageBuffer one, ImageBuffer other) => Assert.InRange(DifferingShare(one, other), 0.05, 1);

    private static double DifferingShare(ImageBuffer one, ImageBuffer other) => one.Pixels.Zip(other.Pixels, (a, b) => a == b ? 0.0 : 1).Average();
}
