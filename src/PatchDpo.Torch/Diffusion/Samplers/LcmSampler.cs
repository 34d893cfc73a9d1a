using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Samplers;

/// <summary>
/// Latent consistency sampling (Luo et al., arXiv 2310.04378, algorithm 3): each step predicts the image, and noises it to the next timestep.
/// </summary>
/// <remarks>Steps and timesteps as diffusers' <c>LCMScheduler</c>: a run's timesteps are some of the teacher's, so it has at most as many.</remarks>
/// <param name="schedule">The forward process.</param>
internal sealed class LcmSampler(NoiseSchedule schedule) : ISampler
{
    // Standard deviation of the data in the boundary condition (LCM's code).
    private const double SigmaData = 0.5;

    private double[] _timesteps = [];

    /// <inheritdoc/>
    public IReadOnlyList<double> Timesteps => _timesteps;

    /// <inheritdoc/>
    public double InitialNoiseScale => 1;

    /// <inheritdoc/>
    public bool AddsNoise(int step) => step + 1 < _timesteps.Length;

    /// <inheritdoc/>
    public void SetTimesteps(int steps)
    {
        SamplerTimesteps.ThrowIfInvalid(steps, schedule);
        int teacher = schedule.Config.OriginalInferenceSteps;
        if (steps > teacher)
            throw new ArgumentOutOfRangeException(nameof(steps), steps, $"LCM takes its timesteps from those of the model's teacher, which are {teacher} "
                + "(original_inference_steps): give at most as many steps.");
        int stride = schedule.TrainTimesteps / teacher;
        _timesteps = [.. Enumerable.Range(0, steps).Select(i => (double)(((teacher - (i * teacher / steps)) * stride) - 1))];
    }

    /// <inheritdoc/>
    public Tensor ScaleInput(Tensor latents, int step) => latents.alias();

    /// <inheritdoc/>
    public Tensor Step(Tensor prediction, Tensor latents, int step, Tensor? noise = null)
    {
        using DisposeScope scope = NewDisposeScope();
        NoiseScheduleConfig config = schedule.Config;
        double level = schedule.AlphasCumprod[(int)_timesteps[step]], scaled = _timesteps[step] * config.TimestepScaling;
        Tensor sample = SamplePrediction.ToSample(config.PredictionType, prediction, latents, Math.Sqrt(level), Math.Sqrt(1 - level));
        if (config.Thresholding)
            sample = SamplePrediction.Threshold(sample, config);
        else if (config.ClipSample ?? false)
            sample = sample.Clamped(-config.ClipSampleRange, config.ClipSampleRange);
        double variance = (scaled * scaled) + (SigmaData * SigmaData);
        Tensor next = sample.Times(scaled / Math.Sqrt(variance)).PlusScaled(latents, SigmaData * SigmaData / variance);
        if (AddsNoise(step))
        {
            ArgumentNullException.ThrowIfNull(noise);
            double target = schedule.AlphasCumprod[(int)_timesteps[step + 1]];
            next = next.Times(Math.Sqrt(target)).PlusScaled(noise, Math.Sqrt(1 - target));
        }
        return next.MoveToOuterDisposeScope();
    }

    /// <summary>Does nothing: this sampler holds no tensors.</summary>
    public void Dispose()
    {
    }
}
