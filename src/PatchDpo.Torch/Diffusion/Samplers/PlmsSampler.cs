using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Samplers;

/// <summary>
/// Pseudo linear multistep (Liu et al., arXiv 2202.09778, PNDM without its Runge-Kutta steps): what Stable Diffusion 1.5's own configuration names.
/// </summary>
/// <remarks>
/// Steps and timesteps as diffusers' <c>PNDMScheduler</c> with <c>skip_prk_steps</c>: the first step is taken twice, the second time
/// with the mean of both predictions, so that a run has one network call more than steps. Keeps the latest predictions until disposed.
/// </remarks>
/// <param name="schedule">The forward process.</param>
internal sealed class PlmsSampler(NoiseSchedule schedule) : ISampler
{
    // Predictions of earlier steps that the fourth-order formula needs.
    private const int History = 3;

    private readonly List<Tensor> _earlier = [];
    private Tensor? _start;
    private double[] _timesteps = [];
    private bool _disposed;
    private int _stride;

    /// <inheritdoc/>
    public IReadOnlyList<double> Timesteps => _timesteps;

    /// <inheritdoc/>
    public double InitialNoiseScale => 1;

    /// <inheritdoc/>
    public void SetTimesteps(int steps)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        SamplerTimesteps.ThrowIfInvalid(steps, schedule);
        double[] spaced = Array.ConvertAll(
            SamplerTimesteps.Spaced(schedule.Config.TimestepSpacing ?? TimestepSpacing.Leading, schedule.TrainTimesteps, steps,
                schedule.Config.StepsOffset), Math.Round);
        _timesteps = spaced.Length == 1 ? spaced : [spaced[0], spaced[1], .. spaced[1..]];
        _stride = schedule.TrainTimesteps / steps;
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
        int timestep = (int)_timesteps[step], previous = timestep - _stride;
        Tensor start = latents;
        if (step == 1)
            (start, timestep, previous) = (_start!, Math.Min(timestep + _stride, schedule.TrainTimesteps - 1), timestep);
        double level = schedule.AlphasCumprod[timestep];
        double target = previous >= 0 ? schedule.AlphasCumprod[previous] : schedule.Config.SetAlphaToOne ? 1 : schedule.AlphasCumprod[0];
        double alpha = Math.Sqrt(level), sigma = Math.Sqrt(1 - level);

        Tensor combined = Combine(prediction, step);
        Tensor sample = SamplePrediction.ToSample(schedule.Config.PredictionType, combined, start, alpha, sigma);
        Tensor predicted = SamplePrediction.ToNoise(schedule.Config.PredictionType, combined, start, alpha, sigma);
        Tensor next = sample.Times(Math.Sqrt(target)).Plus(predicted.Times(Math.Sqrt(1 - target)));
        if (step == 0)
            _start = latents.alias().DetachFromDisposeScope();
        if (step != 1)
            Remember(prediction);
        return next.MoveToOuterDisposeScope();
    }

    /// <summary>Disposes the latest predictions.</summary>
    public void Dispose()
    {
        _disposed = true;
        Forget();
    }

    /// <summary>Adams-Bashforth over the latest predictions, of rising order; the second step is the trapezoidal rule.</summary>
    private Tensor Combine(Tensor p, int step) => step switch
    {
        0 => p,
        1 => p.Plus(_earlier[^1]).DividedBy(2),
        2 => (p.Times(3) - _earlier[^1]).DividedBy(2),
        3 => (p.Times(23) - _earlier[^1].Times(16)).Plus(_earlier[^2].Times(5)).DividedBy(12),
        _ => ((p.Times(55) - _earlier[^1].Times(59)).Plus(_earlier[^2].Times(37)) - _earlier[^3].Times(9)).DividedBy(24),
    };

    private void Remember(Tensor prediction)
    {
        _earlier.Add(prediction.alias().DetachFromDisposeScope());
        if (_earlier.Count <= History)
            return;
        _earlier[0].Dispose();
        _earlier.RemoveAt(0);
    }

    private void Forget()
    {
        _earlier.ForEach(e => e.Dispose());
        _earlier.Clear();
        _start?.Dispose();
        _start = null;
    }
}
