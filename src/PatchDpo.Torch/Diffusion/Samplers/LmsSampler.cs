using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Samplers;

/// <summary>
/// Linear multistep of fourth order over noise levels sigma (k-diffusion's lms; Adams-Bashforth with unequal steps): what ELITE samples with.
/// </summary>
/// <remarks>
/// Noise levels and timesteps as diffusers' <c>LMSDiscreteScheduler</c>: the polynomial through the latest slopes is integrated to the next
/// level, which diffusers does numerically and this exactly. Latents are x0 + sigma * noise. Keeps the latest slopes until disposed.
/// </remarks>
/// <param name="schedule">The forward process.</param>
internal sealed class LmsSampler(NoiseSchedule schedule) : ISampler
{
    private const int Order = 4;

    private readonly List<(double Sigma, Tensor Slope)> _latest = [];
    private EulerLevels _levels = EulerLevels.None;
    private bool _disposed;

    /// <inheritdoc/>
    public IReadOnlyList<double> Timesteps => _levels.Timesteps;

    /// <summary>The noise level before each step, and after the last one: one more than steps.</summary>
    public IReadOnlyList<double> Sigmas => _levels.Sigmas;

    /// <inheritdoc/>
    public double InitialNoiseScale => _levels.InitialNoiseScale;

    /// <inheritdoc/>
    public void SetTimesteps(int steps)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _levels = EulerLevels.Create(schedule, steps);
        Forget(0);
    }

    /// <inheritdoc/>
    public Tensor ScaleInput(Tensor latents, int step)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return latents.DividedBy(Math.Sqrt((Sigmas[step] * Sigmas[step]) + 1));
    }

    /// <inheritdoc/>
    public Tensor Step(Tensor prediction, Tensor latents, int step, Tensor? noise = null)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        using DisposeScope scope = NewDisposeScope();
        double sigma = Sigmas[step];
        Tensor sample = SamplePrediction.ToSample(schedule.Config.PredictionType, prediction, latents, sigma);
        // Two slopes at one level (timesteps beyond the table repeat its last) have no polynomial through them.
        if (_latest.Count > 0 && _latest[^1].Sigma == sigma)
            Forget(_latest.Count - 1);
        _latest.Add((sigma, latents.Minus(sample).DividedBy(sigma).DetachFromDisposeScope()));
        if (_latest.Count > Order)
        {
            _latest[0].Slope.Dispose();
            _latest.RemoveAt(0);
        }
        Tensor next = latents;
        for (int i = 0; i < _latest.Count; i++)
            next = next.PlusScaled(_latest[i].Slope, Weight(i, sigma, Sigmas[step + 1]));
        return next.MoveToOuterDisposeScope();
    }

    /// <summary>Disposes the latest slopes.</summary>
    public void Dispose()
    {
        _disposed = true;
        Forget(0);
    }

    // The integral of the Lagrange polynomial that is 1 at one level and 0 at the others: of degree 3 at most, for which two points of Gauss suffice.
    private double Weight(int one, double from, double to)
    {
        double middle = (from + to) / 2, half = (to - from) / 2, distance = half / Math.Sqrt(3);
        return half * (Lagrange(one, middle - distance) + Lagrange(one, middle + distance));
    }

    private double Lagrange(int one, double at)
    {
        double product = 1;
        for (int i = 0; i < _latest.Count; i++)
            if (i != one)
                product *= (at - _latest[i].Sigma) / (_latest[one].Sigma - _latest[i].Sigma);
        return product;
    }

    private void Forget(int kept)
    {
        foreach ((_, Tensor slope) in _latest.Skip(kept))
            slope.Dispose();
        _latest.RemoveRange(kept, _latest.Count - kept);
    }
}
