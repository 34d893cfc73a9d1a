using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion;

/// <summary>Euler's method on the probability-flow equation, over noise levels sigma (Karras et al., arXiv 2206.00364, algorithm 2 without churn).</summary>
/// <remarks>Noise levels and timesteps as diffusers' <c>EulerDiscreteScheduler</c>; latents are x0 + sigma * noise.</remarks>
/// <param name="schedule">The forward process.</param>
public sealed class EulerSampler(NoiseSchedule schedule) : ISampler
{
    private EulerLevels _levels = EulerLevels.None;

    /// <inheritdoc/>
    public IReadOnlyList<double> Timesteps => _levels.Timesteps;

    /// <summary>The noise level before each step, and after the last one: one more than steps.</summary>
    public IReadOnlyList<double> Sigmas => _levels.Sigmas;

    /// <inheritdoc/>
    public double InitialNoiseScale => _levels.InitialNoiseScale;

    /// <inheritdoc/>
    public void SetTimesteps(int steps) => _levels = EulerLevels.Create(schedule, steps);

    /// <inheritdoc/>
    public Tensor ScaleInput(Tensor latents, int step) => latents.DividedBy(Math.Sqrt((Sigmas[step] * Sigmas[step]) + 1));

    /// <inheritdoc/>
    public Tensor Step(Tensor prediction, Tensor latents, int step, Tensor? noise = null)
    {
        using DisposeScope scope = NewDisposeScope();
        double sigma = Sigmas[step];
        Tensor sample = SamplePrediction.ToSample(schedule.Config.PredictionType, prediction, latents, sigma);
        Tensor derivative = latents.Minus(sample).DividedBy(sigma);
        return latents.Plus(derivative.Times(Sigmas[step + 1] - sigma)).MoveToOuterDisposeScope();
    }

    /// <summary>Does nothing: this sampler holds no tensors.</summary>
    public void Dispose()
    {
    }
}
