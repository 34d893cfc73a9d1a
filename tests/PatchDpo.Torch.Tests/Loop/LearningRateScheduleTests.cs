using PatchDpo.Torch.Loop;

namespace PatchDpo.Torch.Tests.Loop;

public class LearningRateScheduleTests
{
    // diffusers' lr_lambda of steps done 0 to 9, by hand: warm-up n/4, then 1, (10 - n)/6 and (1 + cos(pi (n - 4)/6))/2.
    [Theory]
    [InlineData(LearningRateDecay.Constant, new[] { 0, 0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1 })]
    [InlineData(LearningRateDecay.Linear, new[] { 0, 0.25, 0.5, 0.75, 1, 5 / 6.0, 4 / 6.0, 3 / 6.0, 2 / 6.0, 1 / 6.0 })]
    [InlineData(LearningRateDecay.Cosine, new[] { 0, 0.25, 0.5, 0.75, 1, 0.9330127018922193, 0.75, 0.5, 0.25, 0.0669872981077807 })]
    public void Every_step_has_the_share_that_diffusers_gives_it(LearningRateDecay decay, double[] expected)
    {
        LearningRateSchedule schedule = new() { Decay = decay, WarmupSteps = 4 };
        // Backwards: a step's share depends on no other's.
        for (int step = 10; step >= 1; step--)
            Assert.Equal(expected[step - 1], schedule.Factor(step, 10), 1e-12);
    }

    [Theory]
    [InlineData(LearningRateDecay.Constant)]
    [InlineData(LearningRateDecay.Linear)]
    [InlineData(LearningRateDecay.Cosine)]
    public void Shares_stay_in_their_range_whatever_the_warm_up(LearningRateDecay decay)
    {
        foreach (int warmup in new[] { 0, 1, 5, 6, int.MaxValue })
            for (int step = 1; step <= 5; step++)
                Assert.InRange(new LearningRateSchedule { Decay = decay, WarmupSteps = warmup }.Factor(step, 5), 0, 1);
        Assert.Equal(1, new LearningRateSchedule { Decay = decay }.Factor(1, 5));
    }

    [Fact]
    public void Values_out_of_range_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new LearningRateSchedule { WarmupSteps = -1 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new LearningRateSchedule { Decay = (LearningRateDecay)9 });
    }
}
