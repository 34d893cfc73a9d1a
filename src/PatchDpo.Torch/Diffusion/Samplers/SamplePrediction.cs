using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Samplers;

/// <summary>From the network's prediction to noise-free latents, in the variance-preserving form x = alpha * x0 + sigma * noise.</summary>
internal static class SamplePrediction
{
    /// <summary>Predicted noise-free latents, before any clipping.</summary>
    public static Tensor ToSample(PredictionType type, Tensor prediction, Tensor latents, double alpha, double sigma) => type switch
    {
        PredictionType.Epsilon => latents.Minus(prediction.Times(sigma)).DividedBy(alpha),
        PredictionType.Velocity => latents.Times(alpha).Minus(prediction.Times(sigma)),
        _ => prediction,
    };

    /// <summary>Predicted noise.</summary>
    public static Tensor ToNoise(PredictionType type, Tensor prediction, Tensor latents, double alpha, double sigma) => type switch
    {
        PredictionType.Epsilon => prediction,
        PredictionType.Velocity => prediction.Times(alpha).Plus(latents.Times(sigma)),
        _ => latents.Minus(prediction.Times(alpha)).DividedBy(sigma),
    };

    /// <summary>Predicted noise-free latents in the variance-exploding form x = x0 + sigma * noise, whose network is given x / sqrt(sigma^2 + 1).</summary>
    public static Tensor ToSample(PredictionType type, Tensor prediction, Tensor latents, double sigma)
    {
        double variance = (sigma * sigma) + 1;
        return type switch
        {
            PredictionType.Epsilon => latents.Minus(prediction.Times(sigma)),
            PredictionType.Velocity => prediction.Times(-sigma / Math.Sqrt(variance)).Plus(latents.DividedBy(variance)),
            _ => prediction,
        };
    }

    /// <summary>
    /// Dynamic thresholding (Imagen, arXiv 2205.11487): each image is clipped at a quantile of its own magnitudes, at least 1, and divided by it.
    /// </summary>
    public static Tensor Threshold(Tensor sample, NoiseScheduleConfig config)
    {
        Tensor flat = sample.flatten(1).to(ScalarType.Float32);
        Tensor limit = flat.abs().quantile(tensor((float)config.DynamicThresholdingRatio, device: flat.device), dim: 1, keepdim: true)
            .Clamped(1, config.SampleMaxValue);
        return (flat.minimum(limit).maximum(-limit) / limit).reshape(sample.shape).to(sample.dtype);
    }
}
