using PatchDpo.Torch.Diffusion.Schedules;

namespace PatchDpo.Torch.Diffusion.Samplers;

/// <summary>Timesteps and noise levels of a run of Euler's and Heun's method.</summary>
/// <param name="Timesteps">One for each step, from the noisiest.</param>
/// <param name="Sigmas">The noise level before each step, and after the last one.</param>
/// <param name="InitialNoiseScale">Standard deviation of the noise that the run starts from.</param>
/// <remarks>As diffusers' <c>EulerDiscreteScheduler</c>.</remarks>
internal sealed record EulerLevels(double[] Timesteps, double[] Sigmas, double InitialNoiseScale)
{
    /// <summary>Before a run.</summary>
    public static EulerLevels None { get; } = new([], [], 1);

    public static EulerLevels Create(NoiseSchedule schedule, int steps)
    {
        SamplerTimesteps.ThrowIfInvalid(steps, schedule);
        NoiseScheduleConfig config = schedule.Config;
        double[] train = schedule.TrainSigmas();
        TimestepSpacing spacing = config.TimestepSpacing ?? TimestepSpacing.Linspace;
        double[] timesteps = SamplerTimesteps.Spaced(spacing, schedule.TrainTimesteps, steps, config.StepsOffset);
        double[] sigmas = config.LogLinearInterpolation
            ? SamplerTimesteps.Exponential(train[0], train[^1], steps + 1)
            : Array.ConvertAll(timesteps, t => SamplerTimesteps.Interpolate(train, t));
        if (SamplerTimesteps.Uneven(config, sigmas[^1], sigmas[0], steps) is { } uneven)
        {
            sigmas = uneven;
            timesteps = Array.ConvertAll(sigmas, s => SamplerTimesteps.TimestepOf(s, train));
        }
        if (config is { ContinuousTimesteps: true, PredictionType: PredictionType.Velocity })
            timesteps = [.. sigmas.Take(steps).Select(s => Math.Log(s) / 4)];
        double scale = spacing == TimestepSpacing.Leading ? Math.Sqrt((sigmas[0] * sigmas[0]) + 1) : sigmas[0];
        return new EulerLevels(timesteps, [.. sigmas, config.EndsAtZeroSigma ?? true ? 0 : train[0]], scale);
    }
}
