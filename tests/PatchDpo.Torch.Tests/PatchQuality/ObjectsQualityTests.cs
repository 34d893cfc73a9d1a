using PatchDpo.Tests;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Tests.PatchEncoders;

namespace PatchDpo.Torch.Tests.PatchQuality;

/// <summary>Patch quality against several objects' references.</summary>
public class ObjectsQualityTests
{
    private const int Side = 32, Patch = 8;

    [Fact]
    public void A_patch_is_as_good_as_the_object_that_has_it_best_and_each_object_keeps_its_own_map()
    {
        ImageBuffer first = TinyPersonalizedModel.Image(1), second = TinyPersonalizedModel.Image(5), both = LeftAndRight(first, second);
        using PixelEncoder encoder = new(Side, Patch);
        PatchQualityEstimator estimator = new(encoder);
        ObjectsQualityResult result = Assert.Single(estimator.ScoreObjects([both], [[first, second]]));
        // Every patch of the picture is one of the two's.
        Assert.All(result.Generated.Values, v => Assert.Equal(1, v, 1e-5));
        PatchQualityResult[] alone = [estimator.Score([both], [first])[0], estimator.Score([both], [second])[0]];
        for (int j = 0; j < 2; j++)
        {
            Assert.Equal(alone[j].Generated.Values, result.Objects[j].Generated.Values);
            Assert.Equal(alone[j].Reference.Values, result.Objects[j].Reference.Values);
            Assert.Equal(alone[j].Score, result.Objects[j].Score);
            Assert.Contains(alone[j].Generated.Values, v => v < 0.999);
        }
        Assert.Equal((1 + ((alone[0].Reference.Mean() + alone[1].Reference.Mean()) / 2)) / 2, result.Score, 1e-5f);
        // Each picture once, by whatever call.
        Assert.Equal(3, encoder.Encoded);
    }

    [Fact]
    public void With_masks_the_score_is_the_mean_of_the_objects_own()
    {
        ImageBuffer first = TinyPersonalizedModel.Image(1), second = TinyPersonalizedModel.Image(5);
        bool[,] left = new bool[1, 2] { { true, false } };
        using PixelEncoder encoder = new(Side, Patch);
        ObjectsQualityResult result = new PatchQualityEstimator(encoder).ScoreObjects([LeftAndRight(first, second)], [[first, second]], [[left, null]])[0];
        Assert.Equal(result.Objects.Average(o => o.Score), result.Score);
        Assert.Equal(1, result.Objects[0].Score, 1e-5f);
    }

    [Fact]
    public void Pictures_may_have_different_numbers_of_objects_but_not_none()
    {
        ImageBuffer[] images = [.. Enumerable.Range(0, 3).Select(i => TinyPersonalizedModel.Image(i))];
        using PixelEncoder encoder = new(Side, Patch);
        PatchQualityEstimator estimator = new(encoder);
        Assert.Equal([1, 2], estimator.ScoreObjects([images[0], images[1]], [[images[0]], [images[1], images[2]]]).Select(r => r.Objects.Count));
        Assert.Contains("image 1 has no object", Assert.Throws<ArgumentException>("objects", () => estimator.ScoreObjects(
            [images[0], images[1]], [[images[0]], []])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>("objects", () => estimator.ScoreObjects([images[0]], []));
        LeakCheck.Run(() => estimator.ScoreObjects([images[0]], [[images[1], images[2]]]));
    }

    private static ImageBuffer LeftAndRight(ImageBuffer left, ImageBuffer right)
    {
        byte[] pixels = [.. left.Pixels];
        for (int i = 0; i < pixels.Length; i++)
            if (i / 3 % Side >= Side / 2)
                pixels[i] = right.Pixels[i];
        return new ImageBuffer(Side, Side, 3, pixels);
    }
}
