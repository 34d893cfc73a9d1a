using PatchDpo.Torch.PatchEncoders;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.PatchEncoders;

public sealed class PatchViewsTests
{
    private static readonly PatchEncoderTrainerOptions Options = new();

    [Fact]
    public void A_view_shows_at_each_pixel_the_image_point_that_the_homography_names()
    {
        using DisposeScope scope = NewDisposeScope();
        // Channels hold the unit coordinates, so that a view can be read as the map that made it.
        Tensor image = Coordinates(64);
        Homography view = Homography.FromCorners((0.2, 0.1), (0.9, 0.25), (0.8, 0.85), (0.15, 0.75));
        Tensor rendered = PatchViews.Render(image, [view]);
        foreach ((int row, int column) in new[] { (0, 0), (10, 50), (63, 63), (31, 7) })
        {
            (double x, double y) = view.Map((column + 0.5) / 64, (row + 0.5) / 64);
            Assert.Equal(x, rendered[0, 0, row, column].item<float>(), 1e-4);
            Assert.Equal(y, rendered[0, 1, row, column].item<float>(), 1e-4);
        }
    }

    [Fact]
    public void Drawn_points_show_the_same_image_point_in_both_views()
    {
        using DisposeScope scope = NewDisposeScope();
        Random random = new(5);
        Tensor image = Coordinates(64);
        for (int trial = 0; trial < 10; trial++)
        {
            (Homography first, Homography second) = PatchCorrespondence.DrawViews(random, Options);
            (Tensor a, Tensor b) = PatchCorrespondence.DrawPoints([(first, second)], 8, 8, 16, random);
            Tensor fromFirst = PatchViews.ReadAt(PatchViews.Render(image, [first]).permute(0, 2, 3, 1), a);
            Tensor fromSecond = PatchViews.ReadAt(PatchViews.Render(image, [second]).permute(0, 2, 3, 1), b);
            // Within half a pixel of the view's border the neighbour outside it is missing, hence the tolerance of about a pixel.
            Fixtures.AssertClose(fromFirst, fromSecond, 0.02, $"trial {trial}");
            Assert.InRange((fromFirst - fromSecond).abs().mean().item<float>(), 0, 1e-3);
        }
    }

    [Fact]
    public void Features_are_read_at_patch_centres_exactly_and_between_them_bilinearly()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor features = arange(12, dtype: float32).view(1, 3, 4, 1);
        Tensor points = tensor([0.375f, 0.5f, 0.5f, 0.5f], [1, 2, 2]);
        Assert.Equal([5f, 5.5f], PatchViews.ReadAt(features, points).flatten().data<float>().ToArray());
    }

    [Fact]
    public void Every_view_pair_overlaps_and_views_stay_within_their_bounds()
    {
        Random random = new(1);
        PatchEncoderTrainerOptions exact = new() { Perspective = 0, MaxRotation = 0, FlipProbability = 0, MinScale = 0.5 };
        for (int i = 0; i < 50; i++)
        {
            Homography view = PatchViews.Random(random, exact);
            (double left, double top) = view.Map(0, 0);
            (double right, double bottom) = view.Map(1, 1);
            Assert.InRange(right - left, 0.5, 1);
            Assert.Equal(right - left, bottom - top, 1e-9);
            Assert.True(left >= -1e-9 && top >= -1e-9 && right <= 1 + 1e-9 && bottom <= 1 + 1e-9);
        }
    }

    [Fact]
    public void Recolouring_turns_hues_and_leaves_grey_alone()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor images = cat([full([1, 3, 2, 2], 0.7f), tensor([1f, 0, 0], [1, 3, 1, 1]).expand(1, 3, 2, 2)]);
        Tensor turned = PatchViews.Recolour(images, new Random(3));
        Fixtures.AssertClose(turned[0], images[0], 1e-5, "grey");
        Assert.True((turned[1] - images[1]).abs().max().item<float>() > 0.3f);
        Fixtures.AssertClose(turned.sum(1), images.sum(1), 1e-5, "lightness");
    }

    [Fact]
    public void A_recoloured_region_leaves_the_rest_as_it_is()
    {
        using DisposeScope scope = NewDisposeScope();
        // Left half red, right half green.
        Tensor images = zeros(16, 3, 32, 32);
        images[.., 0, .., ..16] = 1;
        images[.., 1, .., 16..] = 1;
        Tensor changed = (PatchViews.RecolourRegions(images, new Random(3)) - images).abs().amax([1]).gt(0.05f).to(float32);
        Tensor left = changed[.., .., ..16].mean([1, 2]), right = changed[.., .., 16..].mean([1, 2]);
        Assert.InRange(changed.mean().item<float>(), 0.02f, 0.6f);
        Assert.True(changed.mean([1, 2]).lt(1).all().ToBoolean(), "a whole image was recoloured");
        // Every other region keeps to the colour at its centre: it never reaches over the border between the halves.
        Tensor both = left.gt(0).logical_and(right.gt(0));
        Assert.Equal(0, both.view(-1, 2)[.., 1].to(int64).sum().item<long>());
        Assert.NotEqual(0, both.view(-1, 2)[.., 0].to(int64).sum().item<long>());
    }

    [Fact]
    public void A_region_can_take_a_colour_from_elsewhere_in_its_image()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor images = zeros(4, 3, 32, 32);
        images[.., 0, .., ..16] = 1;
        images[.., 1, .., 16..] = 1;
        // Of four images the last two have moved colours; a red half that turns green (or the other way round) holds no third colour.
        bool swapped = false;
        for (int seed = 0; seed < 10; seed++)
        {
            Tensor moved = PatchViews.RecolourRegions(images, new Random(seed))[3];
            Tensor green = moved[1, .., ..16].gt(0.9f).logical_and(moved[0, .., ..16].lt(0.1f));
            swapped |= green.any().ToBoolean();
            Assert.InRange((moved[0] + moved[1] - 1).abs().max().item<float>(), 0, 0.1f);
        }

        Assert.True(swapped);
    }

    [Fact]
    public void Only_points_of_the_same_image_are_near_each_other()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor points = tensor([0.1f, 0.1f, 0.3f, 0.1f, 0.9f, 0.9f, 0.1f, 0.1f, 0.5f, 0.5f, 0.9f, 0.9f], [2, 3, 2]);
        Tensor near = PatchCorrespondence.WithinRadius(points, 4, 4, 1);
        bool[,] expected = new bool[6, 6];
        for (int i = 0; i < 6; i++)
            expected[i, i] = true;
        expected[0, 1] = expected[1, 0] = true;
        Assert.Equal(expected.Cast<bool>(), near.flatten().data<bool>().ToArray());
    }

    [Fact]
    public void Plain_patches_look_alike_wherever_they_are()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor view = ones(1, 3, 64, 64);
        view[0, 0, ..8, ..8] = 0;
        // A corner that is not white, and two places on the plain rest.
        Tensor points = tensor([0.03125f, 0.03125f, 0.9f, 0.9f, 0.5f, 0.9f], [1, 3, 2]);
        Tensor looks = PatchCorrespondence.Appearance(view, points, 16, 16);
        Assert.Equal([3L, 108L], looks.shape);
        Assert.Equal([true, false, false, false, true, true, false, true, true],
            PatchCorrespondence.AppearEqual(looks, looks, 0.1).flatten().data<bool>().ToArray());
    }

    [Fact]
    public void Patches_of_one_colour_in_other_surroundings_do_not_look_alike_but_are_the_same_patch()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor view = ones(1, 3, 64, 64);
        view[0, .., 8..12, 8..12] = 0;
        view[0, .., 40..60, 40..60] = 0;
        Tensor points = tensor([10f / 64, 10f / 64, 50f / 64, 50f / 64], [1, 2, 2]);
        Tensor looks = PatchCorrespondence.Appearance(view, points, 16, 16), patches = PatchCorrespondence.OfPatch(looks);
        Assert.Equal([true, false, false, true], PatchCorrespondence.AppearEqual(looks, looks, 0.15).flatten().data<bool>().ToArray());
        Assert.Equal([true, true, true, true], PatchCorrespondence.AppearEqual(patches, patches, 0.15).flatten().data<bool>().ToArray());
    }

    private static Tensor Coordinates(int size)
    {
        Tensor axis = (arange(size, dtype: float32) + 0.5) / size;
        return stack([axis.unsqueeze(0).expand(size, size), axis.unsqueeze(1).expand(size, size), zeros(size, size)]).unsqueeze(0);
    }
}
