using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion;

/// <summary>DEIS of second order, multistep, in the logarithm of the noise level (Zhang and Chen, arXiv 2204.13902, rho-AB with log rho).</summary>
/// <remarks>
/// Noise levels, timesteps and the order of the last step as diffusers' <c>DEISMultistepScheduler</c>: the predicted noise is taken to be
/// a line in log rho, and integrated in rho. Keeps the previous step's predicted noise until disposed.
/// </remarks>
/// <param name="schedule">The forward process.</param>
public sealed class DeisSampler(NoiseSchedule schedule) : ISampler
{
    private double[] _timesteps = [];
    private bool _disposed;
    private double[] _sigmas = [];
    private Tensor? _previous;

    /// <inheritdoc/>
    public IReadOnlyList<double> Timesteps => _timesteps;

    /// <summary>The noise level rho (noise to signal) before each step, and after the last one: one more than steps.</summary>
    public IReadOnlyList<double> Sigmas => _sigmas;

    /// <inheritdoc/>
    public double InitialNoiseScale => 1;

    /// <inheritdoc/>
    public void SetTimesteps(int steps)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        (_timesteps, _sigmas) = SolverLevels.Create(schedule, steps);
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
        NoiseScheduleConfig config = schedule.Config;
        double rho = _sigmas[step], target = _sigmas[step + 1], earlier = step == 0 ? rho : _sigmas[step - 1];
        (double alpha0, double sigma0) = SolverLevels.Levels(rho);
        (double alpha, _) = SolverLevels.Levels(target);
        Tensor sample = SamplePrediction.ToSample(config.PredictionType, prediction, latents, alpha0, sigma0);
        if (config.Thresholding)
            sample = SamplePrediction.Threshold(sample, config);
        Tensor predicted = latents.Minus(sample.Times(alpha0)).DividedBy(sigma0);

        bool isFirstOrder = _previous is null || earlier == rho || config.SolverOrder == 1
            || (step == _timesteps.Length - 1 && SolverLevels.IsLastOfFirstOrder(config, _timesteps.Length));
        Tensor direction = isFirstOrder
            ? predicted.Times(target - rho)
            : predicted.Times(Weight(rho, earlier)).Plus(_previous!.Times(Weight(earlier, rho)));
        Tensor next = latents.DividedBy(alpha0).Plus(direction).Times(alpha);
        Forget();
        _previous = predicted.DetachFromDisposeScope();
        return next.MoveToOuterDisposeScope();

        // The integral from rho to the target of the line that is 1 at one level and 0 at the other.
        double Weight(double one, double zero) => Integral(target, one, zero) - Integral(rho, one, zero);
    }

    /// <summary>Disposes the previous step's prediction.</summary>
    public void Dispose()
    {
        _disposed = true;
        Forget();
    }

    // Of (log t - log zero) / (log one - log zero).
    private static double Integral(double t, double one, double zero) => t == 0 ? 0 : t * (Math.Log(t) - Math.Log(zero) - 1) / (Math.Log(one) - Math.Log(zero));

    private void Forget()
    {
        _previous?.Dispose();
        _previous = null;
    }
}
