using PatchDpo.Torch.PatchQuality;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.PatchQuality;

public sealed class QualityMapTests
{
    [Fact]
    public void Enlarging_is_bilinear_between_patch_centres()
        => Assert.Equal([0f, 0.25f, 0.75f, 1f], new QualityMap(1, 2, [0, 1]).Resize(1, 4).Values);

    [Theory]
    [InlineData(2, 1, new[] { 0.2904762f, 0.7095238f })]
    [InlineData(2, 2, new[] { 0.23809523f, 0.34285715f, 0.6571429f, 0.7619048f })]
    [InlineData(3, 1, new[] { 0.18f, 0.5f, 0.82f })]
    public void Reducing_gives_the_values_of_PyTorchs_antialiased_bilinear(int height, int width, float[] expected)
    {
        float[] resized = new QualityMap(4, 4, Enumerable.Range(0, 16).Select(i => i / 15f).ToArray()).Resize(height, width).Values;
        Assert.All(resized.Zip(expected), v => Assert.Equal(v.Second, v.First, 1e-6f));
    }

    [Theory]
    [InlineData(9, 16)]
    [InlineData(3, 12)]
    [InlineData(40, 2)]
    public void Any_size_equals_torchs_interpolation(int height, int width)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor values = rand(6, 8, generator: new Generator(3));
        Tensor expected = nn.functional.interpolate(values.view(1, 1, 6, 8), [height, width], mode: InterpolationMode.Bilinear, align_corners: false,
            antialias: true)[0, 0];
        Fixtures.AssertClose(QualityMap.FromTensor(values).Resize(height, width).ToTensor(), expected, 1e-6, "resized");
    }

    [Fact]
    public void Reducing_weighs_all_patches_and_keeps_the_mean_of_an_even_map()
    {
        QualityMap map = new(4, 4, Enumerable.Range(0, 16).Select(i => i / 15f).ToArray());
        QualityMap small = map.Resize(2, 1);
        Assert.Equal((2, 1), (small.Height, small.Width));
        Assert.Equal(map.Mean(), small.Mean(), 1e-5f);
        Assert.True(small[0, 0] < small[1, 0]);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(64, 64)]
    [InlineData(3, 50)]
    public void Resizing_never_leaves_the_range_of_the_values(int height, int width)
    {
        QualityMap resized = new QualityMap(5, 7, Enumerable.Range(0, 35).Select(i => i % 2 == 0 ? 0f : 1f).ToArray()).Resize(height, width);
        Assert.Equal(height * width, resized.Values.Length);
        Assert.All(resized.Values, v => Assert.InRange(v, 0, 1));
    }

    [Fact]
    public void A_wide_images_map_is_cut_to_its_centre_square()
    {
        QualityMap map = new(2, 4, [0, 1, 2, 3, 4, 5, 6, 7]);
        Assert.Equal([1f, 2, 5, 6], map.ResizeCenterSquare(200, 100, 2, 2).Values);
        Assert.Equal(map.Resize(3, 3).Values, map.ResizeCenterSquare(50, 50, 3, 3).Values);
        Assert.Equal([2f, 3f], new QualityMap(4, 1, [1, 2, 3, 4]).ResizeCenterSquare(100, 200, 2, 1).Values);
    }

    [Fact]
    public void The_same_size_is_the_same_map()
    {
        QualityMap map = new(2, 3, new float[6]);
        Assert.Same(map, map.Resize(2, 3));
    }

    [Fact]
    public void A_value_that_is_not_finite_is_refused_with_its_place()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => new QualityMap(2, 3, [0, 0, 0, 0, 0, float.NaN]));
        Assert.Contains("row 1, column 2", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_wrong_count_of_values_is_refused()
        => Assert.Contains("need 6 values, not 5", Assert.Throws<ArgumentException>(() => new QualityMap(2, 3, new float[5])).Message,
            StringComparison.Ordinal);

    [Fact]
    public void Tensors_and_maps_convert_both_ways_without_leaks()
    {
        QualityMap map = new(2, 3, [0, 1, 2, 3, 4, 5]);
        LeakCheck.Run(() =>
        {
            using Tensor values = map.ToTensor();
            Assert.Equal([2L, 3L], values.shape);
            using Tensor turned = values.t(), transposed = turned.to(float64);
            Assert.Equal([0f, 3, 1, 4, 2, 5], QualityMap.FromTensor(transposed).Values);
            _ = map.Resize(5, 5);
        });
    }
}
