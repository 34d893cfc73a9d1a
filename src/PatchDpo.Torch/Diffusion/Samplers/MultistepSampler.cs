using PatchDpo.Torch.Diffusion.Schedules;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Samplers;

/// <summary>What the multistep solvers (DPM-Solver++, UniPC, DEIS) share: levels, data prediction, and earlier predictions that live until disposed.</summary>
internal abstract class MultistepSampler : ISampler
{
    private double[] _timesteps = [];
    private double[] _sigmas = [];
    private bool _disposed;

    private protected MultistepSampler(NoiseSchedule schedule) => Schedule = schedule;

    /// <inheritdoc/>
    public IReadOnlyList<double> Timesteps => _timesteps;

    /// <summary>The noise level (noise to signal) before each step, and after the last one: one more than steps.</summary>
    public IReadOnlyList<double> Sigmas => _sigmas;

    /// <inheritdoc/>
    public double InitialNoiseScale => 1;

    /// <summary>The forward process.</summary>
    private protected NoiseSchedule Schedule { get; }

    /// <inheritdoc/>
    public virtual bool AddsNoise(int step) => false;

    /// <inheritdoc/>
    public void SetTimesteps(int steps)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        (_timesteps, _sigmas) = SolverLevels.Create(Schedule, steps);
        Forget();
    }

    /// <inheritdoc/>
    public Tensor ScaleInput(Tensor latents, int step)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return latents.alias();
    }

    /// <inheritdoc/>
    public Tensor Step(Tensor prediction, Tensor latents, int step, Tensor? noise = null)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        using DisposeScope scope = NewDisposeScope();
        NoiseScheduleConfig config = Schedule.Config;
        (double alpha, double sigma) = SolverLevels.Levels(_sigmas[step]);
        Tensor sample = SamplePrediction.ToSample(config.PredictionType, prediction, latents, alpha, sigma);
        if (config.Thresholding)
            sample = SamplePrediction.Threshold(sample, config);
        return Next(sample, latents, step, noise).MoveToOuterDisposeScope();
    }

    /// <summary>Disposes the earlier predictions.</summary>
    public void Dispose()
    {
        _disposed = true;
        Forget();
    }

    /// <summary>The latents after a step, in the current dispose scope.</summary>
    /// <param name="sample">Clean latents as the network predicts them.</param>
    /// <param name="latents">Current latents.</param>
    /// <param name="step">Index of the step.</param>
    /// <param name="noise">Fresh noise where the step adds some.</param>
    private protected abstract Tensor Next(Tensor sample, Tensor latents, int step, Tensor? noise);

    /// <summary>Disposes what is kept of earlier steps.</summary>
    private protected abstract void Forget();
}
