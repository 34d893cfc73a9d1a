using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchQuality;
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
    public Tensor Weights(IReadOnlyList<TrainingPair> pairs, int height, int width)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor weights = kind switch
        {
            TrainingObjective.Reconstruction => ones(pairs.Count, 2, height, width),
            TrainingObjective.ReferenceOnly => tensor([1f, 0]).reshape(1, 2, 1, 1).expand(pairs.Count, 2, height, width).contiguous(),
            TrainingObjective.ImageLevel => WholeImage(
                OfPatches(pairs, height, width,
                new WeightMapOptions { Kind = options.Kind, LowPercentile = options.LowPercentile, HighPercentile = options.HighPercentile })),
            TrainingObjective.ImageLevelSameMass => WholeImage(OfPatches(pairs, height, width, options)),
            TrainingObjective.PatchDpo => OfPatches(pairs, height, width, options),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "This objective weights no errors."),
        };
        return weights.MoveToOuterDisposeScope();
    }

    public ObjectiveLoss Loss(TrainingStep step, Func<Tensor> untrained)
    {
        Tensor weights = step.Batch.Weights;
        if (minSnrGamma is double gamma)
            weights = weights * schedule.MinSnrWeights(step.Batch.Timesteps, gamma).reshape(-1, 1, 1, 1);
        return new ObjectiveLoss(PatchDpoLoss.Compute(step.Prediction, step.Target, weights));
    }

    private static Tensor OfPatches(IReadOnlyList<TrainingPair> pairs, int height, int width, WeightMapOptions options)
    {
        WeightMapping mapping = WeightMapping.Fit(pairs.SelectMany(p => new[] { p.ReferenceQuality, p.GeneratedQuality }), options);
        // Maps cover the whole image, latents its centre square.
        Tensor OnGrid(QualityMap quality, ImageBuffer image) => mapping.Apply(quality).ResizeCenterSquare(image.Width, image.Height, height, width).ToTensor();
        return stack(pairs.Select(p => stack([OnGrid(p.ReferenceQuality, p.Reference).SubtractedFrom(1), OnGrid(p.GeneratedQuality, p.Generated)])));
    }

    private static Tensor WholeImage(Tensor weights) => weights.mean([2, 3], keepdim: true).expand_as(weights).contiguous();
}
