using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Samplers;

/// <summary>Euler's method on the probability-flow equation, over noise levels sigma (Karras et al., arXiv 2206.00364, algorithm 2 without churn).</summary>
/// <remarks>
/// Noise levels and timesteps as diffusers' <c>EulerDiscreteScheduler</c> and <c>EulerAncestralDiscreteScheduler</c>; latents are
/// x0 + sigma * noise.
/// </remarks>
/// <param name="schedule">The forward process.</param>
/// <param name="isAncestral">Goes below each level and comes back to it with fresh noise (k-diffusion's euler_ancestral, eta 1).</param>
internal sealed class EulerSampler(NoiseSchedule schedule, bool isAncestral = false) : ISampler
{
    private EulerLevels _levels = EulerLevels.None;

    /// <inheritdoc/>
    public IReadOnlyList<double> Timesteps => _levels.Timesteps;

    /// <summary>The noise level before each step, and after the last one: one more than steps.</summary>
    public IReadOnlyList<double> Sigmas => _levels.Sigmas;

    /// <inheritdoc/>
    public double InitialNoiseScale => _levels.InitialNoiseScale;

    /// <inheritdoc/>
    public bool AddsNoise(int step) => isAncestral && Sigmas[step + 1] > 0;

    /// <inheritdoc/>
    public void SetTimesteps(int steps) => _levels = EulerLevels.Create(schedule, steps);

    /// <inheritdoc/>
    public Tensor ScaleInput(Tensor latents, int step) => latents.DividedBy(Math.Sqrt((Sigmas[step] * Sigmas[step]) + 1));

    /// <inheritdoc/>
    public Tensor Step(Tensor prediction, Tensor latents, int step, Tensor? noise = null)
    {
        using DisposeScope scope = NewDisposeScope();
        double from = Sigmas[step], to = Sigmas[step + 1];
        double up = AddsNoise(step) ? Math.Sqrt(Math.Max(0, to * to * ((from * from) - (to * to)) / (from * from))) : 0;
        double down = up == 0 ? to : Math.Sqrt((to * to) - (up * up));
        Tensor sample = SamplePrediction.ToSample(schedule.Config.PredictionType, prediction, latents, from);
        Tensor next = latents.Plus(latents.Minus(sample).DividedBy(from).Times(down - from));
        if (AddsNoise(step))
        {
            ArgumentNullException.ThrowIfNull(noise);
            next = next.PlusScaled(noise, up);
        }
        return next.MoveToOuterDisposeScope();
    }

    /// <summary>Does nothing: this sampler holds no tensors.</summary>
    public void Dispose()
    {
    }
}
