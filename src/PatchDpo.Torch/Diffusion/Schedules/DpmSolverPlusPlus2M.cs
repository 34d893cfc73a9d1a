using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion;

/// <summary>DPM-Solver++ of second order, multistep, data prediction (Lu et al., arXiv 2211.01095, algorithm 2).</summary>
/// <remarks>
/// Noise levels, timesteps and the order of the last steps as diffusers' <c>DPMSolverMultistepScheduler</c> 0.23: with Karras
/// levels the last level is repeated, so that the last step changes nothing. Keeps the previous step's predicted latents until disposed.
/// </remarks>
/// <param name="schedule">The forward process.</param>
/// <param name="isStochastic">Solves the stochastic equation, with fresh noise after each step (diffusers' <c>sde-dpmsolver++</c>), not the probability flow.</param>
public sealed class DpmSolverPlusPlus2M(NoiseSchedule schedule, bool isStochastic = false) : ISampler
{
    private double[] _timesteps = [];
    private bool _disposed;
    private double[] _sigmas = [];
    private Tensor? _previousSample;

    /// <inheritdoc/>
    public IReadOnlyList<double> Timesteps => _timesteps;

    /// <summary>The noise level (noise to signal) before each step, and after the last one: one more than steps.</summary>
    public IReadOnlyList<double> Sigmas => _sigmas;

    /// <inheritdoc/>
    public double InitialNoiseScale => 1;

    /// <inheritdoc/>
    public bool AddsNoise(int step) => isStochastic && _sigmas[step + 1] > 0;

    /// <inheritdoc/>
    public void SetTimesteps(int steps)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        (_timesteps, _sigmas) = SolverLevels.Create(schedule, steps);
        ForgetPrevious();
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
        NoiseScheduleConfig config = schedule.Config;
        (double alpha0, double sigma0) = SolverLevels.Levels(_sigmas[step]);
        (double alpha, double sigma) = SolverLevels.Levels(_sigmas[step + 1]);
        Tensor sample = SamplePrediction.ToSample(config.PredictionType, prediction, latents, alpha0, sigma0);
        if (config.Thresholding)
            sample = SamplePrediction.Threshold(sample, config);

        // With fresh noise the deterministic part goes twice as far.
        double h = Math.Log(_sigmas[step]) - Math.Log(_sigmas[step + 1]), far = isStochastic ? 2 * h : h;
        double decay = Math.Exp(-far) - 1;
        Tensor next = latents.Times(sigma / sigma0 * (isStochastic ? Math.Exp(-h) : 1)).Minus(sample.Times(alpha * decay));
        double previousH = step == 0 ? 0 : Math.Log(_sigmas[step - 1]) - Math.Log(_sigmas[step]);
        // A level that is repeated (the last one of Karras, timesteps beyond the table) leaves no slope to follow.
        bool hasSlope = _previousSample is not null && h != 0 && previousH != 0;
        if (hasSlope && config.SolverOrder == 2 && !(step == _timesteps.Length - 1 && SolverLevels.IsLastOfFirstOrder(config, _timesteps.Length)))
        {
            Tensor slope = sample.Minus(_previousSample!).Times(h / previousH);
            next = next.Plus(slope.Times(config.HeunSolver ? alpha * ((decay / far) + 1) : -0.5 * alpha * decay));
        }
        if (AddsNoise(step))
        {
            ArgumentNullException.ThrowIfNull(noise);
            next = next.PlusScaled(noise, sigma * Math.Sqrt(-decay));
        }
        ForgetPrevious();
        _previousSample = sample.alias().DetachFromDisposeScope();
        return next.MoveToOuterDisposeScope();
    }

    /// <summary>Disposes the previous step's prediction.</summary>
    public void Dispose()
    {
        _disposed = true;
        ForgetPrevious();
    }

    private void ForgetPrevious()
    {
        _previousSample?.Dispose();
        _previousSample = null;
    }
}
