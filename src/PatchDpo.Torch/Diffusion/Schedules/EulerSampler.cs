using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion;

/// <summary>Euler's method on the probability-flow equation, over noise levels sigma (Karras et al., arXiv 2206.00364, algorithm 2 without churn).</summary>
/// <remarks>Noise levels and timesteps as diffusers' <c>EulerDiscreteScheduler</c>; latents are x0 + sigma * noise.</remarks>
/// <param name="schedule">The forward process.</param>
public sealed class EulerSampler(NoiseSchedule schedule) : ISampler
{
    private double[] _timesteps = [];
    private double[] _sigmas = [];

    /// <inheritdoc/>
    public IReadOnlyList<double> Timesteps => _timesteps;

    /// <summary>The noise level before each step, and after the last one: one more than steps.</summary>
    public IReadOnlyList<double> Sigmas => _sigmas;

    /// <inheritdoc/>
    public double InitialNoiseScale => _sigmas.Length == 0 ? 1 : Spacing == TimestepSpacing.Leading ? Math.Sqrt((_sigmas[0] * _sigmas[0]) + 1) : _sigmas[0];

    private TimestepSpacing Spacing => schedule.Config.TimestepSpacing ?? TimestepSpacing.Linspace;

    /// <inheritdoc/>
    public void SetTimesteps(int steps)
    {
        SamplerTimesteps.ThrowIfInvalid(steps, schedule);
        NoiseScheduleConfig config = schedule.Config;
        double[] train = schedule.TrainSigmas();
        _timesteps = SamplerTimesteps.Spaced(Spacing, schedule.TrainTimesteps, steps, config.StepsOffset);
        double[] sigmas = config.LogLinearInterpolation
            ? Array.ConvertAll(SamplerTimesteps.Linspace(Math.Log(train[^1]), Math.Log(train[0]), steps + 1), Math.Exp)
            : Array.ConvertAll(_timesteps, t => SamplerTimesteps.Interpolate(train, t));
        if (config.UseKarrasSigmas)
        {
            sigmas = SamplerTimesteps.Karras(sigmas[^1], sigmas[0], steps);
            _timesteps = Array.ConvertAll(sigmas, s => SamplerTimesteps.TimestepOf(s, train));
        }
        _sigmas = [.. sigmas, 0];
    }

    /// <inheritdoc/>
    public Tensor ScaleInput(Tensor latents, int step) => latents / Math.Sqrt((_sigmas[step] * _sigmas[step]) + 1);

    /// <inheritdoc/>
    public Tensor Step(Tensor prediction, Tensor latents, int step)
    {
        using DisposeScope scope = NewDisposeScope();
        double sigma = _sigmas[step], variance = (sigma * sigma) + 1;
        Tensor sample = schedule.Config.PredictionType switch
        {
            PredictionType.Epsilon => latents - (sigma * prediction),
            PredictionType.Velocity => (prediction * (-sigma / Math.Sqrt(variance))) + (latents / variance),
            _ => prediction,
        };
        Tensor derivative = (latents - sample) / sigma;
        return (latents + (derivative * (_sigmas[step + 1] - sigma))).MoveToOuterDisposeScope();
    }

    /// <summary>Does nothing: this sampler holds no tensors.</summary>
    public void Dispose()
    {
    }
}
