using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Training.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Training.Objectives;

/// <summary>The squared error of both images of a pair, weighted: PatchDPO and the baselines that differ from it only in their weights.</summary>
/// <param name="kind">Whose weights.</param>
/// <param name="options">How quality becomes weight.</param>
/// <param name="schedule">The forward process, for min-SNR weighting.</param>
/// <param name="minSnrGamma">Cut of min-SNR weighting, or null for none.</param>
internal sealed class WeightedErrorObjective(TrainingObjective kind, WeightMapOptions options, NoiseSchedule schedule, double? minSnrGamma) : ITrainingObjective
{
    public PairWeights FitWeights(IEnumerable<QualityMap> maps)
    {
        switch (kind)
        {
            case TrainingObjective.Reconstruction:
                return (pairs, height, width) => ones(pairs.Count, 2, height, width);
            case TrainingObjective.ReferenceOnly:
                return (pairs, height, width) =>
                {
                    using DisposeScope scope = NewDisposeScope();
                    return tensor([1f, 0]).reshape(1, 2, 1, 1).expand(pairs.Count, 2, height, width).contiguous().MoveToOuterDisposeScope();
                };
            case TrainingObjective.ImageLevel:
                var linear = new WeightMapOptions { Kind = options.Kind, LowPercentile = options.LowPercentile, HighPercentile = options.HighPercentile };
                return WholeImage(OfPatches(WeightMapping.Fit(maps, linear)));
            case TrainingObjective.ImageLevelSameMass:
                return WholeImage(OfPatches(WeightMapping.Fit(maps, options)));
            case TrainingObjective.PatchDpo:
                return OfPatches(WeightMapping.Fit(maps, options));
            default:
                throw new ArgumentOutOfRangeException(nameof(kind), kind, "This objective weights no errors.");
        }
    }

    public ObjectiveLoss Loss(TrainingStep step, Func<Tensor> untrained)
    {
        Tensor weights = step.Batch.Weights;
        if (minSnrGamma is double gamma)
            weights = weights * schedule.MinSnrWeights(step.Batch.Timesteps, gamma).reshape(-1, 1, 1, 1);
        return new ObjectiveLoss(PatchDpoLoss.Compute(step.Prediction, step.Target, weights));
    }

    private static PairWeights OfPatches(WeightMapping mapping) => (pairs, height, width) =>
    {
        using DisposeScope scope = NewDisposeScope();
        // Maps cover the whole image, latents its centre square.
        Tensor OnGrid(PairImage image) => mapping.Apply(image.Quality).ResizeCenterSquare(image.Width, image.Height, height, width).ToTensor();
        return stack(pairs.Select(p => stack([OnGrid(p.Reference).SubtractedFrom(1), OnGrid(p.Generated)]))).MoveToOuterDisposeScope();
    };

    private static PairWeights WholeImage(PairWeights patches) => (pairs, height, width) =>
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor weights = patches(pairs, height, width);
        return weights.mean([2, 3], keepdim: true).expand_as(weights).contiguous().MoveToOuterDisposeScope();
    };
}
