using PatchDpo.Torch.PatchEncoders;

namespace PatchDpo.Torch.Tests.PatchEncoders;

public sealed class HomographyTests
{
    private static readonly Homography Tilted = Homography.FromCorners((0.1, 0.05), (0.9, 0.2), (0.8, 0.95), (-0.1, 0.7));

    [Fact]
    public void Corners_go_where_they_were_put()
    {
        AssertPoint((0.1, 0.05), Tilted.Map(0, 0));
        AssertPoint((0.9, 0.2), Tilted.Map(1, 0));
        AssertPoint((0.8, 0.95), Tilted.Map(1, 1));
        AssertPoint((-0.1, 0.7), Tilted.Map(0, 1));
    }

    [Fact]
    public void The_inverse_leads_back_and_chains_apply_in_order()
    {
        (double x, double y) = Tilted.Map(0.3, 0.6);
        AssertPoint((0.3, 0.6), Tilted.Inverse().Map(x, y));
        Homography shift = new([1, 0, 0.25, 0, 1, -0.5, 0, 0, 1]);
        AssertPoint((x + 0.25, y - 0.5), Tilted.Then(shift).Map(0.3, 0.6));
        AssertPoint(Tilted.Map(0.3, 0.6), Homography.Identity.Then(Tilted).Map(0.3, 0.6));
    }

    [Fact]
    public void Pixel_homographies_keep_pixel_centres()
    {
        // Pixel (x, y) of a 10 x 20 image goes to (2x + 1, y) of a 40 x 20 one.
        Homography map = Homography.FromPixels([2, 0, 1, 0, 1, 0, 0, 0, 1], 10, 20, 40, 20);
        AssertPoint(((7 + 0.5) / 40, (4 + 0.5) / 20), map.Map((3 + 0.5) / 10, (4 + 0.5) / 20));
    }

    [Fact]
    public void Maps_without_an_inverse_are_refused()
    {
        Assert.Contains("singular", Assert.Throws<ArgumentException>(() => new Homography([1, 2, 3, 2, 4, 6, 0, 0, 1])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new Homography([1, 0, 0, 0, 1, 0, 0, 0]));
        Assert.Throws<ArgumentException>(() => new Homography([1, 0, 0, 0, double.NaN, 0, 0, 0, 1]));
        Assert.Throws<ArgumentException>(() => Homography.FromCorners((0, 0), (1, 1), (2, 2), (3, 3)));
    }

    private static void AssertPoint((double X, double Y) expected, (double X, double Y) actual)
    {
        Assert.Equal(expected.X, actual.X, 1e-9);
        Assert.Equal(expected.Y, actual.Y, 1e-9);
    }
}
