using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Samplers;

/// <summary>DEIS of second order, multistep, in the logarithm of the noise level (Zhang and Chen, arXiv 2204.13902, rho-AB with log rho).</summary>
/// <remarks>
/// Noise levels, timesteps and the order of the last step as diffusers' <c>DEISMultistepScheduler</c>: the predicted noise is taken to be
/// a line in log rho, and integrated in rho. Keeps the previous step's predicted noise until disposed.
/// </remarks>
/// <param name="schedule">The forward process.</param>
internal sealed class DeisSampler(NoiseSchedule schedule) : MultistepSampler(schedule)
{
    private Tensor? _previous;

    private protected override Tensor Next(Tensor sample, Tensor latents, int step, Tensor? noise)
    {
        NoiseScheduleConfig config = Schedule.Config;
        double rho = Sigmas[step], target = Sigmas[step + 1], earlier = step == 0 ? rho : Sigmas[step - 1];
        (double alpha0, double sigma0) = SolverLevels.Levels(rho);
        (double alpha, _) = SolverLevels.Levels(target);
        Tensor predicted = latents.Minus(sample.Times(alpha0)).DividedBy(sigma0);

        bool isFirstOrder = _previous is null || earlier == rho || config.SolverOrder == 1
            || (step == Timesteps.Count - 1 && SolverLevels.IsLastOfFirstOrder(config, Timesteps.Count));
        Tensor direction = isFirstOrder
            ? predicted.Times(target - rho)
            : predicted.Times(Weight(rho, earlier)).Plus(_previous!.Times(Weight(earlier, rho)));
        Tensor next = latents.DividedBy(alpha0).Plus(direction).Times(alpha);
        Forget();
        _previous = predicted.DetachFromDisposeScope();
        return next;

        // The integral from rho to the target of the line that is 1 at one level and 0 at the other.
        double Weight(double one, double zero) => Integral(target, one, zero) - Integral(rho, one, zero);
    }

    // Of (log t - log zero) / (log one - log zero).
    private static double Integral(double t, double one, double zero) => t == 0 ? 0 : t * (Math.Log(t) - Math.Log(zero) - 1) / (Math.Log(one) - Math.Log(zero));

    private protected override void Forget()
    {
        _previous?.Dispose();
        _previous = null;
    }
}
