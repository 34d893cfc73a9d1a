using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Samplers;

/// <summary>DDIM without added noise (Song et al., arXiv 2010.02502, equation 12, eta 0).</summary>
/// <remarks>Steps and timesteps as diffusers' <c>DDIMScheduler</c>.</remarks>
/// <param name="schedule">The forward process.</param>
internal sealed class DdimSampler(NoiseSchedule schedule) : ISampler
{
    private double[] _timesteps = [];

    /// <inheritdoc/>
    public IReadOnlyList<double> Timesteps => _timesteps;

    /// <inheritdoc/>
    public double InitialNoiseScale => 1;

    /// <inheritdoc/>
    public void SetTimesteps(int steps)
    {
        SamplerTimesteps.ThrowIfInvalid(steps, schedule);
        NoiseScheduleConfig config = schedule.Config;
        _timesteps = Array.ConvertAll(
            SamplerTimesteps.Spaced(config.TimestepSpacing ?? TimestepSpacing.Leading, schedule.TrainTimesteps, steps, config.StepsOffset), Math.Round);
        if (config.PredictionType == PredictionType.Epsilon && Array.Exists(_timesteps, t => schedule.AlphasCumprod[(int)t] == 0))
            throw new ArgumentOutOfRangeException(
                nameof(steps), steps, "So many steps begin at a timestep without signal, where the predicted noise tells nothing of the image.");
    }

    /// <inheritdoc/>
    public Tensor ScaleInput(Tensor latents, int step) => latents.alias();

    /// <inheritdoc/>
    public Tensor Step(Tensor prediction, Tensor latents, int step, Tensor? noise = null)
    {
        using DisposeScope scope = NewDisposeScope();
        NoiseScheduleConfig config = schedule.Config;
        int timestep = (int)_timesteps[step];
        int previous = timestep - (schedule.TrainTimesteps / _timesteps.Length);
        double level = schedule.AlphasCumprod[timestep];
        double target = previous >= 0 ? schedule.AlphasCumprod[previous] : config.SetAlphaToOne ? 1 : schedule.AlphasCumprod[0];
        double alpha = Math.Sqrt(level), sigma = Math.Sqrt(1 - level);

        Tensor sample = SamplePrediction.ToSample(config.PredictionType, prediction, latents, alpha, sigma);
        Tensor predicted = SamplePrediction.ToNoise(config.PredictionType, prediction, latents, alpha, sigma);
        if (config.Thresholding)
            sample = SamplePrediction.Threshold(sample, config);
        else if (config.ClipSample ?? true)
            sample = sample.Clamped(-config.ClipSampleRange, config.ClipSampleRange);
        return sample.Times(Math.Sqrt(target)).Plus(predicted.Times(Math.Sqrt(1 - target))).MoveToOuterDisposeScope();
    }

    /// <summary>Does nothing: this sampler holds no tensors.</summary>
    public void Dispose()
    {
    }
}
