using PatchDpo.Torch.Diffusion.Schedules;

namespace PatchDpo.Torch.Diffusion.Samplers;

/// <summary>Timesteps and noise levels of a run of the multistep solvers, and what a level means for latents.</summary>
/// <remarks>As diffusers' <c>DPMSolverMultistepScheduler</c> 0.23, <c>UniPCMultistepScheduler</c> and <c>DEISMultistepScheduler</c>.</remarks>
internal static class SolverLevels
{
    // Below this count diffusers' lower_order_final acts.
    private const int ShortRun = 15;

    /// <summary>Whole timesteps, and noise levels (noise to signal) before each step and after the last one.</summary>
    public static (double[] Timesteps, double[] Sigmas) Create(NoiseSchedule schedule, int steps)
    {
        SamplerTimesteps.ThrowIfInvalid(steps, schedule);
        NoiseScheduleConfig config = schedule.Config;
        double[] train = schedule.TrainSigmas();
        bool endsAtZero = config.EndsAtZeroSigma ?? false;
        if (SamplerTimesteps.Uneven(config, train[0], train[^1], steps) is { } sigmas)
        {
            // diffusers cuts the fraction off where it does not round; the ends stay whole whatever the last bit says.
            bool rounds = config.UseKarrasSigmas || config.UseLuLambdas;
            double[] uneven = Array.ConvertAll(
                sigmas, s => rounds ? Math.Round(SamplerTimesteps.TimestepOf(s, train)) : Math.Floor(SamplerTimesteps.TimestepOf(s, train) + 1e-4));
            return (uneven, [.. sigmas, endsAtZero ? 0 : sigmas[^1]]);
        }
        double[] timesteps = Spaced(schedule, CountWithin(train, config.LambdaMinClipped), steps);
        return (timesteps, [.. timesteps.Select(t => SamplerTimesteps.Interpolate(train, t)), endsAtZero ? 0 : train[0]]);
    }

    /// <summary>How many timesteps have a log signal-to-noise ratio of at least the limit; it falls, so those below are at the end.</summary>
    public static int CountWithin(double[] trainSigmas, double minimumLambda) => trainSigmas.Count(s => -Math.Log(s) >= minimumLambda);

    /// <summary>Signal and noise of latents at a level.</summary>
    public static (double Alpha, double Sigma) Levels(double sigma)
    {
        double alpha = 1 / Math.Sqrt((sigma * sigma) + 1);
        return (alpha, sigma * alpha);
    }

    /// <summary>Whether a run's last step is of first order (DPM-Solver++ and DEIS).</summary>
    public static bool IsLastOfFirstOrder(NoiseScheduleConfig config, int steps)
        => config.EulerAtFinal || config.EndsAtZeroSigma == true || (config.LowerOrderFinal && steps < ShortRun);

    private static double[] Spaced(NoiseSchedule schedule, int last, int steps) => (schedule.Config.TimestepSpacing ?? TimestepSpacing.Linspace) switch
    {
        TimestepSpacing.Leading => [.. Enumerable.Range(1, steps).Reverse().Select(i => (double)((i * (last / (steps + 1))) + schedule.Config.StepsOffset))],
        TimestepSpacing.Linspace => [.. SamplerTimesteps.Linspace(0, last - 1, steps + 1).Skip(1).Reverse().Select(t => Math.Round(t))],
        _ => SamplerTimesteps.Trailing(last, (double)schedule.TrainTimesteps / steps),
    };
}
