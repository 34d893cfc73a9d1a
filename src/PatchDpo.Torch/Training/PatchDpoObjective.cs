using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Training;

/// <summary>PatchDPO: each latent of both images is weighted by patch quality.</summary>
/// <param name="options">How quality becomes weight.</param>
/// <param name="schedule">The forward process, for min-SNR weighting.</param>
/// <param name="minSnrGamma">Cut of min-SNR weighting, or null for none.</param>
internal sealed class PatchDpoObjective(WeightMapOptions options, NoiseSchedule schedule, double? minSnrGamma) : ITrainingObjective
{
    public Tensor Weights(IReadOnlyList<TrainingPair> pairs, int height, int width)
    {
        using DisposeScope scope = NewDisposeScope();
        WeightMapping mapping = WeightMapping.Fit(pairs.SelectMany(p => new[] { p.ReferenceQuality, p.GeneratedQuality }), options);
        // Maps cover the whole image, latents its centre square.
        Tensor OnGrid(QualityMap quality, ImageBuffer image) => mapping.Apply(quality).ResizeCenterSquare(image.Width, image.Height, height, width).ToTensor();
        return stack(pairs.Select(p => stack([1 - OnGrid(p.ReferenceQuality, p.Reference), OnGrid(p.GeneratedQuality, p.Generated)]))).MoveToOuterDisposeScope();
    }

    public Tensor Loss(TrainingStep step)
    {
        Tensor weights = step.Batch.Weights;
        if (minSnrGamma is double gamma)
            weights = weights * schedule.MinSnrWeights(step.Batch.Timesteps, gamma).reshape(-1, 1, 1, 1);
        return PatchDpoLoss.Compute(step.Prediction, step.Target, weights);
    }
}
