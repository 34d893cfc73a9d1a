using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.PatchQuality;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Training.Objectives;

/// <summary>
/// Diffusion-DPO (arXiv 2311.12908, equation 14): -log sigmoid(-beta/2 ((e_win - e'_win) - (e_lose - e'_lose))), where e is an
/// image's mean squared error, e' that of the untrained adapter; the reference wins, the generated image loses.
/// </summary>
/// <param name="beta">How strongly the model is held to what it was.</param>
internal sealed class DiffusionDpoObjective(double beta) : ITrainingObjective
{
    /// <summary>1 everywhere: this loss looks at whole images.</summary>
    public PairWeights FitWeights(IEnumerable<QualityMap> maps) => (pairs, height, width) => ones(pairs.Count, 2, height, width);

    public ObjectiveLoss Loss(TrainingStep step, Func<Tensor> untrained)
    {
        Tensor change = Errors(step.Prediction, step.Target) - Errors(untrained(), step.Target);
        Tensor[] halves = change.chunk(2);
        Tensor preferred = -(halves[0] - halves[1]);
        return new ObjectiveLoss(-nn.functional.logsigmoid(preferred.Times(beta / 2)).mean(),
            preferred.GreaterThan(0).to(ScalarType.Float32).mean().item<float>());
    }

    /// <summary>Each image's mean squared error, <c>(2B)</c>.</summary>
    private static Tensor Errors(Tensor prediction, Tensor target)
        => (prediction.to(ScalarType.Float32) - target.to(ScalarType.Float32)).Squared().mean([1, 2, 3]);
}
