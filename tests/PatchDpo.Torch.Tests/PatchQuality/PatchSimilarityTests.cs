using PatchDpo.Torch.PatchQuality;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.PatchQuality;

public sealed class PatchSimilarityTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(35 * 12)]
    [InlineData(35 * 12 * 2 + 5)]
    public void Chunks_of_any_size_give_the_same_maps(long chunkElements)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor generated = Features(1, 3, 5, 7, 9), reference = Features(2, 3, 4, 3, 9);
        Tensor generatedMask = Features(3, 3, 5, 7, 1)[.., .., .., 0] > 0, referenceMask = Features(4, 3, 4, 3, 1)[.., .., .., 0] > 0;
        (Tensor p, Tensor best) = PatchSimilarity.Compute(generated, reference, referenceMask);
        (Tensor a, Tensor b) = PatchSimilarity.ComputeBoth(generated, reference, generatedMask, referenceMask);

        (Tensor p1, Tensor best1) = PatchSimilarity.Compute(generated, reference, referenceMask, chunkElements);
        (Tensor a1, Tensor b1) = PatchSimilarity.ComputeBoth(generated, reference, generatedMask, referenceMask, chunkElements);
        Fixtures.AssertClose(p1, p, 1e-6, "p");
        Fixtures.AssertClose(a1, a, 1e-6, "p(x_gen)");
        Fixtures.AssertClose(b1, b, 1e-6, "p(x_ref)");
        Assert.True(best1.equal(best).all().item<bool>());
    }

    [Fact]
    public void Masked_patches_are_never_matched()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor generated = tensor([1f, 0f, 0f, 1f], [1, 1, 2, 2]), reference = tensor([1f, 0f, 0.6f, 0.8f], [1, 2, 1, 2]);
        Tensor onlySecond = tensor([false, true], [1, 2, 1]);
        (Tensor p, Tensor best) = PatchSimilarity.Compute(generated, reference, onlySecond);
        Fixtures.AssertClose(p, tensor([0.6f, 0.8f], [1, 1, 2]), 1e-6, "p");
        Assert.Equal([1L, 1L], best.data<long>().ToArray());

        (Tensor _, Tensor q) = PatchSimilarity.ComputeBoth(generated, reference, tensor([false, true], [1, 1, 2]));
        Fixtures.AssertClose(q, tensor([0f, 0.8f], [1, 2, 1]), 1e-6, "p(x_ref)");
    }

    [Fact]
    public void Zero_vectors_give_zero_and_never_NaN()
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor p, Tensor q) = PatchSimilarity.ComputeBoth(zeros(2, 3, 3, 4), zeros(2, 2, 2, 4));
        Fixtures.AssertClose(p, zeros(2, 3, 3), 0, "p");
        Fixtures.AssertClose(q, zeros(2, 2, 2), 0, "q");
    }

    [Theory]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float16)]
    public void Any_floating_type_is_taken_and_float32_returned(ScalarType type)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor generated = Features(5, 1, 3, 3, 8), reference = Features(6, 1, 3, 3, 8);
        (Tensor expected, Tensor _) = PatchSimilarity.Compute(generated, reference);
        (Tensor p, Tensor _) = PatchSimilarity.Compute(generated.to(type), reference.to(type));
        Assert.Equal(ScalarType.Float32, p.dtype);
        Fixtures.AssertClose(p, expected, 2e-2, "p");
    }

    [Fact]
    public void Shapes_that_do_not_fit_are_refused_by_name()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor features = Features(7, 2, 3, 3, 8);
        AssertRefused("(1,3,3,8)", () => PatchSimilarity.Compute(features, Features(7, 1, 3, 3, 8)));
        AssertRefused("(2,3,3,4)", () => PatchSimilarity.Compute(features, Features(7, 2, 3, 3, 4)));
        AssertRefused("(2,9,8)", () => PatchSimilarity.Compute(features, features.flatten(1, 2)));
        AssertRefused("Int64", () => PatchSimilarity.Compute(features, features.to(int64)));
        AssertRefused("bool (2,3,3)", () => PatchSimilarity.Compute(features, features, ones(2, 9, dtype: ScalarType.Bool)));
        AssertRefused("image 1 of the batch", () => PatchSimilarity.Compute(features, features, tensor([true, false], [2, 1, 1]).expand(2, 3, 3)));
    }

    [Fact]
    public void Nothing_leaks()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor features = Features(8, 2, 3, 3, 8);
        LeakCheck.Run(() =>
        {
            (Tensor p, Tensor best) = PatchSimilarity.Compute(features, features);
            (Tensor a, Tensor b) = PatchSimilarity.ComputeBoth(features, features);
            foreach (Tensor t in new[] { p, best, a, b })
                t.Dispose();
        });
    }

    private static void AssertRefused(string part, Action action)
        => Assert.Contains(part, Assert.Throws<ArgumentException>(action).Message, StringComparison.Ordinal);

    private static Tensor Features(int seed, params long[] shape) => randn(shape, generator: new Generator((ulong)seed));
}
