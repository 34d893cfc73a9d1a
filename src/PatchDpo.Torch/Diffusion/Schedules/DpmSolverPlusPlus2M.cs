using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion;

/// <summary>DPM-Solver++ of second order, multistep, data prediction (Lu et al., arXiv 2211.01095, algorithm 2).</summary>
/// <remarks>
/// Noise levels, timesteps and the order of the last steps as diffusers' <c>DPMSolverMultistepScheduler</c> 0.23: with Karras
/// levels the last level is repeated, so that the last step changes nothing. Keeps the previous step's predicted latents until disposed.
/// </remarks>
/// <param name="schedule">The forward process.</param>
public sealed class DpmSolverPlusPlus2M(NoiseSchedule schedule) : ISampler
{
    // Below this count diffusers' lower_order_final acts.
    private const int ShortRun = 15;

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
    public void SetTimesteps(int steps)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        SamplerTimesteps.ThrowIfInvalid(steps, schedule);
        NoiseScheduleConfig config = schedule.Config;
        double[] train = schedule.TrainSigmas();
        if (config.UseKarrasSigmas || config.UseLuLambdas)
        {
            double[] sigmas = config.UseKarrasSigmas
                ? SamplerTimesteps.Karras(train[0], train[^1], steps)
                : Array.ConvertAll(SamplerTimesteps.Linspace(Math.Log(train[^1]), Math.Log(train[0]), steps), Math.Exp);
            _timesteps = Array.ConvertAll(sigmas, s => Math.Round(SamplerTimesteps.TimestepOf(s, train)));
            _sigmas = [.. sigmas, config.EndsAtZeroSigma ? 0 : sigmas[^1]];
        }
        else
        {
            // lambda = log(alpha / sigma) falls with the timestep: those below the limit are at the end.
            int last = train.Count(s => -Math.Log(s) >= config.LambdaMinClipped);
            _timesteps = Spaced(config.TimestepSpacing ?? TimestepSpacing.Linspace, last, steps);
            _sigmas = [.. _timesteps.Select(t => SamplerTimesteps.Interpolate(train, t)), config.EndsAtZeroSigma ? 0 : train[0]];
        }
        ForgetPrevious();
    }

    /// <inheritdoc/>
    public Tensor ScaleInput(Tensor latents, int step) => latents.alias();

    /// <inheritdoc/>
    public Tensor Step(Tensor prediction, Tensor latents, int step)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        using DisposeScope scope = NewDisposeScope();
        NoiseScheduleConfig config = schedule.Config;
        (double alpha0, double sigma0) = Levels(_sigmas[step]);
        (double alpha, double sigma) = Levels(_sigmas[step + 1]);
        Tensor sample = SamplePrediction.ToSample(config.PredictionType, prediction, latents, alpha0, sigma0);
        if (config.Thresholding)
            sample = SamplePrediction.Threshold(sample, config);

        double h = Math.Log(_sigmas[step]) - Math.Log(_sigmas[step + 1]);
        double decay = Math.Exp(-h) - 1;
        Tensor next = ((sigma / sigma0) * latents) - ((alpha * decay) * sample);
        bool lastIsFirstOrder = config.EulerAtFinal || config.EndsAtZeroSigma || (config.LowerOrderFinal && _timesteps.Length < ShortRun);
        double previousH = step == 0 ? 0 : Math.Log(_sigmas[step - 1]) - Math.Log(_sigmas[step]);
        // A level that is repeated (the last one of Karras, timesteps beyond the table) leaves no slope to follow.
        bool hasSlope = _previousSample is not null && h != 0 && previousH != 0;
        if (hasSlope && config.SolverOrder == 2 && !(step == _timesteps.Length - 1 && lastIsFirstOrder))
        {
            Tensor slope = (sample - _previousSample!) * (h / previousH);
            next += slope * (config.HeunSolver ? alpha * ((decay / h) + 1) : -0.5 * alpha * decay);
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

    private double[] Spaced(TimestepSpacing spacing, int last, int steps) => spacing switch
    {
        TimestepSpacing.Leading => [.. Enumerable.Range(1, steps).Reverse().Select(i => (double)((i * (last / (steps + 1))) + schedule.Config.StepsOffset))],
        TimestepSpacing.Linspace => [.. SamplerTimesteps.Linspace(0, last - 1, steps + 1).Skip(1).Reverse().Select(t => Math.Round(t))],
        _ => SamplerTimesteps.Trailing(last, (double)schedule.TrainTimesteps / steps),
    };

    private static (double Alpha, double Sigma) Levels(double sigma)
    {
        double alpha = 1 / Math.Sqrt((sigma * sigma) + 1);
        return (alpha, sigma * alpha);
    }

    private void ForgetPrevious()
    {
        _previousSample?.Dispose();
        _previousSample = null;
    }
}
