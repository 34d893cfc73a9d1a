using PatchDpo.Torch.PatchQuality;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Training.Objectives;

/// <summary>What a training run minimises; the loop is the same for all.</summary>
internal interface ITrainingObjective
{
    /// <summary>Finds what the weights of all pairs depend on, once before the first step.</summary>
    /// <param name="maps">The quality maps of all pairs, both sides; read where they are needed, one after another.</param>
    /// <returns>Gives the weights of some of the pairs.</returns>
    PairWeights FitWeights(IEnumerable<QualityMap> maps);

    /// <summary>The loss of a step, in the current dispose scope.</summary>
    /// <param name="step">The forward pass.</param>
    /// <param name="untrained">
    /// Predicts for the same noisy latents with the adapter layers as they were before training, <c>(2B,C,h,w)</c>, without gradient.
    /// </param>
    ObjectiveLoss Loss(TrainingStep step, Func<Tensor> untrained);
}
