using PatchDpo.Torch.Pairs;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Training.Objectives;

/// <summary>What a training run minimises; the loop is the same for all.</summary>
internal interface ITrainingObjective
{
    /// <summary>The loss weights of all pairs, found once before training.</summary>
    /// <param name="pairs">P pairs.</param>
    /// <param name="height">Rows of the latent grid.</param>
    /// <param name="width">Columns of the latent grid.</param>
    /// <returns>Float32 on the CPU, <c>(P,2,h,w)</c>: reference, then generated image; the caller disposes it.</returns>
    Tensor Weights(IReadOnlyList<TrainingPair> pairs, int height, int width);

    /// <summary>The loss of a step, in the current dispose scope.</summary>
    /// <param name="step">The forward pass.</param>
    /// <param name="untrained">
    /// Predicts for the same noisy latents with the adapter layers as they were before training, <c>(2B,C,h,w)</c>, without gradient.
    /// </param>
    ObjectiveLoss Loss(TrainingStep step, Func<Tensor> untrained);
}
