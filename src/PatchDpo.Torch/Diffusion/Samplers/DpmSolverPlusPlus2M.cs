using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Samplers;

/// <summary>DPM-Solver++ of second order, multistep, data prediction (Lu et al., arXiv 2211.01095, algorithm 2).</summary>
/// <remarks>
/// Noise levels, timesteps and the order of the last steps as diffusers' <c>DPMSolverMultistepScheduler</c> 0.23: with Karras
/// levels the last level is repeated, so that the last step changes nothing. Keeps the previous step's predicted latents until disposed.
/// </remarks>
/// <param name="schedule">The forward process.</param>
/// <param name="isStochastic">
/// Solves the stochastic equation, with fresh noise after each step (diffusers' <c>sde-dpmsolver++</c>), not the probability flow.
/// </param>
internal sealed class DpmSolverPlusPlus2M(NoiseSchedule schedule, bool isStochastic = false) : MultistepSampler(schedule)
{
    private Tensor? _previousSample;

    /// <inheritdoc/>
    public override bool AddsNoise(int step) => isStochastic && Sigmas[step + 1] > 0;

    private protected override Tensor Next(Tensor sample, Tensor latents, int step, Tensor? noise)
    {
        NoiseScheduleConfig config = Schedule.Config;
        (double alpha0, double sigma0) = SolverLevels.Levels(Sigmas[step]);
        (double alpha, double sigma) = SolverLevels.Levels(Sigmas[step + 1]);

        // With fresh noise the deterministic part goes twice as far.
        double h = Math.Log(Sigmas[step]) - Math.Log(Sigmas[step + 1]), far = isStochastic ? 2 * h : h;
        double decay = Math.Exp(-far) - 1;
        Tensor next = latents.Times(sigma / sigma0 * (isStochastic ? Math.Exp(-h) : 1)).Minus(sample.Times(alpha * decay));
        double previousH = step == 0 ? 0 : Math.Log(Sigmas[step - 1]) - Math.Log(Sigmas[step]);
        // A level that is repeated (the last one of Karras, timesteps beyond the table) leaves no slope to follow.
        bool hasSlope = _previousSample is not null && h != 0 && previousH != 0;
        if (hasSlope && config.SolverOrder == 2 && !(step == Timesteps.Count - 1 && SolverLevels.IsLastOfFirstOrder(config, Timesteps.Count)))
        {
            Tensor slope = sample.Minus(_previousSample!).Times(h / previousH);
            next = next.Plus(slope.Times(config.HeunSolver ? alpha * ((decay / far) + 1) : -0.5 * alpha * decay));
        }
        if (AddsNoise(step))
        {
            ArgumentNullException.ThrowIfNull(noise);
            next = next.PlusScaled(noise, sigma * Math.Sqrt(-decay));
        }
        Forget();
        _previousSample = sample.alias().DetachFromDisposeScope();
        return next;
    }

    private protected override void Forget()
    {
        _previousSample?.Dispose();
        _previousSample = null;
    }
}
