using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Samplers;

/// <summary>
/// UniPC of second order, multistep, data prediction (Zhao et al., arXiv 2302.04867): each prediction first corrects the step that led to it.
/// </summary>
/// <remarks>
/// Noise levels, timesteps and orders as diffusers' <c>UniPCMultistepScheduler</c>. Below, h is a step in lambda, the log signal-to-noise
/// ratio, phi1 = e^-h - 1, and B(h) is -h (bh1) or phi1 (bh2). Keeps the latest predictions and the last step's start until disposed.
/// </remarks>
/// <param name="schedule">The forward process.</param>
internal sealed class UniPcSampler(NoiseSchedule schedule) : MultistepSampler(schedule)
{
    private int _order;
    private Tensor? _start;
    private Tensor? _last;
    private Tensor? _beforeLast;

    private protected override Tensor Next(Tensor sample, Tensor latents, int step, Tensor? noise)
    {
        NoiseScheduleConfig config = Schedule.Config;
        (double alpha, double sigma) = SolverLevels.Levels(Sigmas[step]);
        Tensor start = _start is null || config.UncorrectedSteps.Contains(step - 1) ? latents : Corrected(sample, step);

        _beforeLast?.Dispose();
        _beforeLast = _last;
        _last = sample.alias().DetachFromDisposeScope();
        _start?.Dispose();
        _start = start.alias().DetachFromDisposeScope();
        _order = config.SolverOrder == 1 || step == 0 || (config.LowerOrderFinal && step == Timesteps.Count - 1) ? 1 : 2;

        Tensor next = FirstOrder(start, _last, step);
        if (_order == 2 && Slope(step) is { } slope)
            next = next.PlusScaled(slope, -0.5 * SolverLevels.Levels(Sigmas[step + 1]).Alpha * StepFunction(step));
        return next;
    }

    /// <summary>The step before, taken again with what the network says of its end.</summary>
    private Tensor Corrected(Tensor sample, int step)
    {
        int taken = step - 1;
        double h = H(taken), stepFunction = StepFunction(taken);
        Tensor corrected = FirstOrder(_start!, _last!, taken);
        if (h == 0)
            return corrected;
        Tensor change = sample.Minus(_last!);
        double alpha = SolverLevels.Levels(Sigmas[step]).Alpha;
        if (_order == 1 || Slope(taken) is not { } slope)
            return corrected.PlusScaled(change, -0.5 * alpha * stepFunction);
        // The two weights fulfil the order conditions: w1 + w2 = b1 and r w1 + w2 = b2.
        double ratio = Ratio(taken), phi2 = (Phi1(taken) / -h) - 1, b1 = phi2 / stepFunction, b2 = 2 * ((phi2 / -h) - 0.5) / stepFunction;
        double first = (b1 - b2) / (1 - ratio), second = b1 - first;
        return corrected.PlusScaled(slope, -alpha * stepFunction * first).PlusScaled(change, -alpha * stepFunction * second);
    }

    private Tensor FirstOrder(Tensor start, Tensor sample, int step)
    {
        (double alpha, double sigma) = SolverLevels.Levels(Sigmas[step + 1]);
        return start.Times(sigma / SolverLevels.Levels(Sigmas[step]).Sigma).PlusScaled(sample, -alpha * Phi1(step));
    }

    /// <summary>The change of predictions to the one before the last, over its distance in steps; null where a repeated level leaves none.</summary>
    private Tensor? Slope(int step) => H(step) == 0 || H(step - 1) == 0 ? null : _beforeLast!.Minus(_last!).DividedBy(Ratio(step));

    /// <summary>Where the step before began, in steps from this one's start; less than 0.</summary>
    private double Ratio(int step) => -H(step - 1) / H(step);

    private double H(int step) => Math.Log(Sigmas[step]) - Math.Log(Sigmas[step + 1]);

    private double Phi1(int step) => Math.Exp(-H(step)) - 1;

    private double StepFunction(int step) => Schedule.Config.Bh1Solver ? -H(step) : Phi1(step);

    private protected override void Forget()
    {
        _start?.Dispose();
        _last?.Dispose();
        _beforeLast?.Dispose();
        (_start, _last, _beforeLast) = (null, null, null);
    }
}
