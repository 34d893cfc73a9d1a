using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Samplers;

/// <summary>
/// Walks latents from pure noise to an image, one network prediction a step (a method that needs two for a step of its own counts them as two).
/// </summary>
/// <remarks>A sampler is used by one sampling run at a time: <see cref="SetTimesteps"/> starts a run, and steps are taken in order.</remarks>
public interface ISampler : IDisposable
{
    /// <summary>The training timestep of each step, from the noisiest; empty before <see cref="SetTimesteps"/>. Not whole numbers for every sampler.</summary>
    IReadOnlyList<double> Timesteps { get; }

    /// <summary>Standard deviation of the noise that a run starts from; valid after <see cref="SetTimesteps"/>.</summary>
    double InitialNoiseScale { get; }

    /// <summary>Whether a step adds fresh noise, which <see cref="Step"/> is then given.</summary>
    /// <param name="step">Index of the step, from 0.</param>
    bool AddsNoise(int step) => false;

    /// <summary>Chooses the timesteps of a run and forgets an earlier one.</summary>
    /// <param name="steps">Number of steps, 1 up to the number of training timesteps.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="steps"/> is outside that range.</exception>
    void SetTimesteps(int steps);

    /// <summary>What the network is given at a step.</summary>
    /// <param name="latents">Current latents, any shape.</param>
    /// <param name="step">Index of the step, from 0.</param>
    /// <returns>A new tensor of the same shape, which the caller disposes.</returns>
    Tensor ScaleInput(Tensor latents, int step);

    /// <summary>Takes one step.</summary>
    /// <param name="prediction">The network's output for <see cref="ScaleInput"/>'s result.</param>
    /// <param name="latents">Current latents (not scaled), same shape.</param>
    /// <param name="step">Index of the step, from 0.</param>
    /// <param name="noise">Standard normal, same shape; needed where <see cref="AddsNoise"/> says so, else unread.</param>
    /// <returns>The latents after the step, a new tensor which the caller disposes.</returns>
    /// <exception cref="ArgumentNullException">The step adds noise and is given none.</exception>
    Tensor Step(Tensor prediction, Tensor latents, int step, Tensor? noise = null);
}
