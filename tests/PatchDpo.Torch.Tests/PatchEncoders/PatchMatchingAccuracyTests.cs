using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchEncoders;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.PatchEncoders;

public sealed class PatchMatchingAccuracyTests
{
    [Fact]
    public void Features_that_move_with_the_image_match_and_patches_that_leave_it_are_left_out()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor first = randn([8, 8, 16], generator: new Generator(1));
        // Everything moves two patches to the right; the first two columns of the second photo are new.
        Tensor second = cat([randn([8, 2, 16], generator: new Generator(2)), first[.., ..6]], 1);
        Homography map = new([1, 0, 0.25, 0, 1, 0, 0, 0, 1]);
        Assert.Equal((1.0, 48), PatchMatchingAccuracy.Compute(first, second, map));
        (double wrong, int patches) = PatchMatchingAccuracy.Compute(first, second, new([1, 0, -0.75, 0, 1, 0, 0, 0, 1]));
        Assert.Equal(16, patches);
        Assert.True(wrong < 0.2);
    }

    [Fact]
    public void A_match_may_be_off_by_the_tolerance_in_patches_of_the_second_photo()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor first = eye(16).view(4, 4, 16), second = roll(first, 1, 1);
        (double strict, _) = PatchMatchingAccuracy.Compute(first, second, Homography.Identity, tolerance: 0.9);
        (double loose, _) = PatchMatchingAccuracy.Compute(first, second, Homography.Identity, tolerance: 1.0);
        Assert.Equal((0, 0.75), (strict, loose));
    }

    [Fact]
    public void No_shared_patch_gives_NaN()
    {
        using DisposeScope scope = NewDisposeScope();
        (double accuracy, int patches) = PatchMatchingAccuracy.Compute(ones(2, 2, 3), ones(2, 2, 3), new([1, 0, 5, 0, 1, 0, 0, 0, 1]));
        Assert.Equal((double.NaN, 0), (accuracy, patches));
    }

    [SkippableFact]
    public void Raw_pixels_match_as_measured_on_real_photos()
    {
        using DisposeScope scope = NewDisposeScope();
        Assert.Equal(0.112, PhotoSequence.OpenOrSkip().Accuracy(MeanColours), 0.01);
    }

    private static Tensor MeanColours(ImageBuffer photo)
        => tensor(photo.Pixels, [512, 512, 3]).to(float32).div(255).view(32, 16, 32, 16, 3).mean([1, 3]);
}
