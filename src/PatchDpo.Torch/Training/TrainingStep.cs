using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Training.Data;
using PatchDpo.Torch.Training.Objectives;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Training;

/// <summary>One forward pass of training, which a <see cref="ITrainingObjective"/> makes a loss of.</summary>
/// <param name="Batch">What went in.</param>
/// <param name="NoisyLatents"><c>(2B,C,h,w)</c>.</param>
/// <param name="Prediction">The network's, with gradient, <c>(2B,C,h,w)</c>.</param>
/// <param name="Target">What it should predict, <c>(2B,C,h,w)</c>.</param>
/// <remarks>The tensors live in the dispose scope that is current when the step is made.</remarks>
internal sealed record TrainingStep(TrainingBatch Batch, Tensor NoisyLatents, Tensor Prediction, Tensor Target)
{
    /// <summary>Noises the latents and predicts.</summary>
    /// <remarks>The official loop, for networks that predict noise; for velocity (and sample) prediction the target is that, which is ours.</remarks>
    public static TrainingStep Forward(NoiseSchedule schedule, NoisePredictor predict, TrainingBatch batch)
    {
        Tensor noisy = schedule.AddNoise(batch.Latents, batch.Noise, batch.Timesteps);
        Tensor prediction = predict(noisy, batch.Timesteps, batch.Conditions);
        return new TrainingStep(batch, noisy, prediction, schedule.Target(batch.Latents, batch.Noise, batch.Timesteps));
    }
}
