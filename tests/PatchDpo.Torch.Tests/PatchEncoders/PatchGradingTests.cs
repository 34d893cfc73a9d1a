using PatchDpo.Torch.PatchEncoders;
using PatchDpo.Torch.PatchQuality;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.PatchEncoders;

public sealed class PatchGradingTests
{
    [Fact]
    public void Likeness_is_one_for_the_same_looks_and_falls_with_the_difference()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor looks = zeros(1, 108);
        Tensor others = cat([looks, full([1, 108], 0.5f), full([1, 108], 1f), full([1, 108], 3f)]);
        float[] likeness = [.. PatchCorrespondence.AppearanceSimilarity(looks, others, 1).data<float>()];

        Assert.Equal(1, likeness[0], 1e-6f);
        // A difference of 1 everywhere: 1 of the patch and a third of the surroundings.
        Assert.Equal(MathF.Exp(-4f / 3), likeness[2], 1e-5f);
        Assert.Equal(likeness.OrderDescending(), likeness);
        Assert.True(likeness[3] < 1e-4);
    }

    [Fact]
    public void Likeness_counts_the_patch_more_than_its_surroundings()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor looks = zeros(1, 108), patch = zeros(1, 108), surroundings = ones(1, 108);
        patch.narrow(1, 0, 12).fill_(1);
        surroundings.narrow(1, 0, 12).fill_(0);
        float[] likeness = [.. PatchCorrespondence.AppearanceSimilarity(looks, cat([patch, surroundings]), 1).data<float>()];

        Assert.Equal(MathF.Exp(-1), likeness[0], 1e-5f);
        Assert.Equal(MathF.Exp(-1f / 3), likeness[1], 1e-5f);
    }

    [Fact]
    public void Graded_loss_is_the_mean_square_of_what_cosines_miss_and_has_gradients()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor first = tensor([2f, 0, 0, 5], [2, 2]).requires_grad_();
        Tensor others = tensor([1f, 0, 1, 1, 0, -3], [3, 2]);
        float half = MathF.Sqrt(0.5f);
        Tensor cosines = tensor([1f, half, 0, 0, half, -1], [2, 3]);

        Assert.Equal(0, PatchContrast.GradedLoss(first, others, cosines).item<float>(), 1e-6f);
        Tensor loss = PatchContrast.GradedLoss(first, others, zeros(2, 3));
        Assert.Equal(3f / 6, loss.item<float>(), 1e-6f);
        loss.backward();
        Assert.True(first.grad!.abs().sum().item<float>() > 0.01f);
    }

    [Fact]
    public void More_regions_recolour_more_of_an_image()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor images = rand(8, 3, 32, 32, generator: new Generator(3));
        double Changed(int regions)
        {
            var random = new Random(5);
            Tensor image = Enumerable.Range(0, regions).Aggregate(images, (current, _) => PatchViews.RecolourRegions(current, random));
            return (image - images).abs().amax([1]).gt(0.01).to(ScalarType.Float32).mean().item<float>();
        }

        Assert.InRange(Changed(1), 0.02, 0.6);
        Assert.True(Changed(4) > 1.3 * Changed(1));
    }
}
