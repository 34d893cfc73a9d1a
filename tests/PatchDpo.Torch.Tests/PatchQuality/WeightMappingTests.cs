using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Torch.Tests.PatchQuality;

public sealed class WeightMappingTests
{
    private static readonly float[] Hundred = Enumerable.Range(0, 101).Select(i => i / 100f).ToArray();

    [Fact]
    public void The_default_is_the_quality_clamped_to_zero_and_one()
    {
        WeightMapping mapping = WeightMapping.Fit([]);
        Assert.Equal([0f, 0f, 0.25f, 1f, 1f], mapping.Apply(new QualityMap(1, 5, [-1, 0, 0.25f, 1, 1.0000001f])).Values);
    }

    [Fact]
    public void MinMax_takes_the_percentiles_over_all_maps()
    {
        QualityMap[] maps = [new(1, 50, Hundred[..50]), new(3, 17, Hundred[50..])];
        WeightMapping mapping = WeightMapping.Fit(maps, new WeightMapOptions { Kind = WeightMapKind.MinMax });
        Assert.Equal(0.02f, mapping.Low, 1e-5f);
        Assert.Equal(0.98f, mapping.High, 1e-5f);
        float[] weights = mapping.Apply(new QualityMap(1, 3, [0.01f, 0.5f, 0.99f])).Values;
        Assert.Equal(0, weights[0]);
        Assert.Equal(0.5f, weights[1], 1e-4f);
        Assert.Equal(1, weights[2]);
    }

    [Fact]
    public void Percentiles_between_ranks_are_interpolated()
    {
        WeightMapOptions options = new() { Kind = WeightMapKind.MinMax, LowPercentile = 25, HighPercentile = 90 };
        WeightMapping mapping = WeightMapping.Fit([new QualityMap(1, 3, [0f, 0.1f, 0.8f])], options);
        Assert.Equal(0.05f, mapping.Low, 1e-5f);
        Assert.Equal(0.66f, mapping.High, 1e-5f);
    }

    [Fact]
    public void Contrast_is_an_exponent_for_both_kinds()
    {
        WeightMapping identity = WeightMapping.Fit([], new WeightMapOptions { Contrast = 3 });
        Assert.Equal(0.125f, identity.Apply(new QualityMap(1, 1, [0.5f])).Values[0], 1e-6f);
        WeightMapping minMax = WeightMapping.Fit([new QualityMap(1, 101, Hundred)],
            new WeightMapOptions { Kind = WeightMapKind.MinMax, Contrast = 2, LowPercentile = 0, HighPercentile = 50 });
        Assert.Equal(0.25f, minMax.Apply(new QualityMap(1, 1, [0.25f])).Values[0], 1e-4f);
    }

    [Fact]
    public void Maps_of_one_value_fall_back_to_the_identity()
        => Assert.Equal(0.7f, WeightMapping.Fit([new QualityMap(1, 4, [0.7f, 0.7f, 0.7f, 0.7f])], new WeightMapOptions { Kind = WeightMapKind.MinMax })
            .Apply(new QualityMap(1, 1, [0.7f])).Values[0], 1e-6f);

    [Fact]
    public void A_saved_range_gives_the_same_weights()
    {
        WeightMapping fitted = WeightMapping.Fit([new QualityMap(1, 101, Hundred)], new WeightMapOptions { Kind = WeightMapKind.MinMax, Contrast = 2 });
        WeightMapping again = new(fitted.Low, fitted.High, fitted.Contrast);
        QualityMap map = new(1, 101, Hundred);
        Assert.Equal(fitted.Apply(map).Values, again.Apply(map).Values);
    }

    [Fact]
    public void Faulty_options_and_empty_data_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new WeightMapOptions { Contrast = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new WeightMapOptions { Contrast = double.NaN });
        Assert.Throws<ArgumentOutOfRangeException>(() => new WeightMapOptions { Kind = (WeightMapKind)7 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new WeightMapOptions { LowPercentile = -1 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new WeightMapOptions { HighPercentile = double.NaN });
        Assert.Throws<ArgumentException>(() => WeightMapping.Fit([], new WeightMapOptions { LowPercentile = 60, HighPercentile = 40 }));
        Assert.Throws<EmptyDataException>(() => WeightMapping.Fit([], new WeightMapOptions { Kind = WeightMapKind.MinMax }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new WeightMapping(1, 1, 1));
    }
}
