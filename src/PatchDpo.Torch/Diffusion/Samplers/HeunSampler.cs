using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Samplers;

/// <summary>Heun's method over noise levels sigma (Karras et al., arXiv 2206.00364, algorithm 1).</summary>
/// <remarks>
/// Noise levels and timesteps as diffusers' <c>HeunDiscreteScheduler</c>: the end of each step but the last is predicted too, and the step
/// taken again with the mean of both slopes, so that a run has one network call less than twice its steps, each of which counts here
/// as a step. Latents are x0 + sigma * noise. Keeps a step's start and slope until disposed.
/// </remarks>
/// <param name="schedule">The forward process.</param>
internal sealed class HeunSampler(NoiseSchedule schedule) : ISampler
{
    private double[] _timesteps = [];
    private bool _disposed;
    private double[] _sigmas = [];
    private Tensor? _start;
    private Tensor? _slope;

    /// <inheritdoc/>
    public IReadOnlyList<double> Timesteps => _timesteps;

    /// <summary>The noise level before each network call, and after the last one.</summary>
    public IReadOnlyList<double> Sigmas => _sigmas;

    /// <inheritdoc/>
    public double InitialNoiseScale { get; private set; } = 1;

    /// <inheritdoc/>
    public void SetTimesteps(int steps)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        EulerLevels levels = EulerLevels.Create(schedule, steps);
        _timesteps = [levels.Timesteps[0], .. Twice(levels.Timesteps[1..])];
        _sigmas = [levels.Sigmas[0], .. Twice(levels.Sigmas[1..steps]), levels.Sigmas[steps]];
        InitialNoiseScale = levels.InitialNoiseScale;
        Forget();
    }

    /// <inheritdoc/>
    public Tensor ScaleInput(Tensor latents, int step)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return latents.DividedBy(Math.Sqrt((_sigmas[step] * _sigmas[step]) + 1));
    }

    /// <inheritdoc/>
    public Tensor Step(Tensor prediction, Tensor latents, int step, Tensor? noise = null)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        using DisposeScope scope = NewDisposeScope();
        NoiseScheduleConfig config = schedule.Config;
        double sigma = _sigmas[step];
        Tensor sample = SamplePrediction.ToSample(config.PredictionType, prediction, latents, sigma);
        if (config.ClipSample ?? false)
            sample = sample.Clamped(-config.ClipSampleRange, config.ClipSampleRange);
        Tensor slope = latents.Minus(sample).DividedBy(sigma);
        bool isFirst = step % 2 == 0;
        Tensor next = isFirst
            ? latents.Plus(slope.Times(_sigmas[step + 1] - sigma))
            : _start!.Plus(_slope!.Plus(slope).DividedBy(2d).Times(sigma - _sigmas[step - 1]));
        Forget();
        if (isFirst)
            (_start, _slope) = (latents.alias().DetachFromDisposeScope(), slope.DetachFromDisposeScope());
        return next.MoveToOuterDisposeScope();
    }

    /// <summary>Disposes a step's start and slope.</summary>
    public void Dispose()
    {
        _disposed = true;
        Forget();
    }

    private static IEnumerable<double> Twice(double[] values) => values.SelectMany(v => new[] { v, v });

    private void Forget()
    {
        _start?.Dispose();
        _slope?.Dispose();
        (_start, _slope) = (null, null);
    }
}
