using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Loop;

/// <summary>The share of the learning rate that a step has: a function of the step alone.</summary>
/// <remarks>The formulae of diffusers' <c>get_scheduler</c> (optimization.py), whose first step with warm-up has a rate of 0.</remarks>
public sealed record LearningRateSchedule
{
    /// <summary>How the rate falls after the warm-up. Default: it does not, as in the official script.</summary>
    public LearningRateDecay Decay { get; init => field = ArgumentRange.Member(value); }

    /// <summary>Steps over which the rate rises from 0 along a line, at least 0. Default 0, as in the official script.</summary>
    public int WarmupSteps { get; init => field = ArgumentRange.Within(value, 0); }

    /// <summary>The factor of a step's rate, in [0, 1].</summary>
    /// <param name="step">The step, from 1.</param>
    /// <param name="maxSteps">Steps of the whole training.</param>
    internal double Factor(int step, int maxSteps)
    {
        // diffusers counts the steps that are done.
        int done = step - 1;
        if (done < WarmupSteps)
            return done / (double)WarmupSteps;
        double progress = (done - WarmupSteps) / (double)Math.Max(1, maxSteps - WarmupSteps);
        return Decay switch
        {
            LearningRateDecay.Constant => 1,
            LearningRateDecay.Linear => Math.Max(0, 1 - progress),
            LearningRateDecay.Cosine => Math.Max(0, 0.5 * (1 + Math.Cos(Math.PI * progress))),
            _ => throw new InvalidOperationException($"No formula for {Decay}."),
        };
    }
}
