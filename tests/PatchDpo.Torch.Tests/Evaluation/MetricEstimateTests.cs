using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Tests.Evaluation;

public sealed class MetricEstimateTests
{
    [Fact]
    public void The_interval_is_students_t_over_subjects()
    {
        // Mean 2.5, s = 1.29099, t(3) = 3.18245: half width 2.05426.
        MetricEstimate estimate = MetricEstimate.FromSubjects([1, 2, 3, 4]);
        Assert.Equal(2.5, estimate.Mean);
        Assert.Equal(0.44574, estimate.Lower, 1e-4);
        Assert.Equal(4.55426, estimate.Upper, 1e-4);
    }

    [Theory]
    [InlineData(1, 12.7062)]
    [InlineData(20, 2.08596)]
    [InlineData(21, 2.07961)]
    [InlineData(29, 2.04523)]
    [InlineData(100, 1.98397)]
    [InlineData(100000, 1.95999)]
    public void Quantiles_are_those_of_the_tables(int degreesOfFreedom, double expected)
        => Assert.Equal(expected, StudentT.Quantile975(degreesOfFreedom), 6e-5);

    [Fact]
    public void A_single_subject_has_a_mean_and_no_interval()
    {
        MetricEstimate estimate = MetricEstimate.FromSubjects([0.7]);
        Assert.Equal((0.7, double.NaN, double.NaN), (estimate.Mean, estimate.Lower, estimate.Upper));
        Assert.Throws<EmptyDataException>(() => MetricEstimate.FromSubjects([]));
    }

    [Fact]
    public void A_paired_difference_follows_the_subjects_and_is_narrower_than_two_intervals()
    {
        PersonalizationMetrics before = Metrics(("a", 0.2), ("b", 0.5), ("c", 0.8)), after = Metrics(("c", 0.9), ("a", 0.31), ("b", 0.59));
        MetricEstimate difference = PairedDifference.Compute(before, after, s => s.Dino);
        Assert.Equal(0.1, difference.Mean, 1e-9);
        Assert.InRange(difference.Lower, 0.07, 0.1);
        Assert.InRange(difference.Upper, 0.1, 0.13);
    }

    [Fact]
    public void Evaluations_that_do_not_match_are_not_compared()
    {
        PersonalizationMetrics one = Metrics(("a", 0.2), ("b", 0.5));
        Assert.Contains("other subjects", Assert.Throws<ArgumentException>(() => PairedDifference.Compute(one, Metrics(("a", 0.2), ("c", 0.5)), s => s.Dino))
            .Message, StringComparison.Ordinal);
        Assert.Contains("KosmosG",
            Assert.Throws<ArgumentException>(() => PairedDifference.Compute(one, one with { Setting = DreamBenchSetting.KosmosG }, s => s.Dino))
            .Message, StringComparison.Ordinal);
        Assert.Contains("not measured", Assert.Throws<ArgumentException>(() => PairedDifference.Compute(one, one, s => s.ClipT)).Message,
            StringComparison.Ordinal);
    }

    private static PersonalizationMetrics Metrics(params (string Subject, double Dino)[] subjects)
        => new(DreamBenchSetting.Original, 1, 1, null, null, null, null,
            [.. subjects.Select(s => new SubjectMetrics(s.Subject, 1, 1, s.Dino, null, null, null))], [], null);
}
