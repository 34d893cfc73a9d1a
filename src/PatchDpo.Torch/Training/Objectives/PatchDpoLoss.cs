using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Training.Objectives;

/// <summary>PatchDPO's loss: the squared prediction error, weighted by patch quality.</summary>
public static class PatchDpoLoss
{
    /// <summary>mean(weights * (prediction - target)^2) over all elements, in float32.</summary>
    /// <param name="prediction">What the network predicts, <c>(2B,C,h,w)</c>: references first, then the generated images.</param>
    /// <param name="target">What it should predict, same shape.</param>
    /// <param name="weights">Non-negative, <c>(2B,1,h,w)</c>; see <see cref="Weights"/>.</param>
    /// <returns>A scalar with gradient; the caller disposes it. 0 where all weights are 0.</returns>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    /// <remarks>
    /// PatchDPO (arXiv 2412.03177), section 3.3; the official script's weighted_mse_loss: divided by the number of elements, not by the sum of the
    /// weights.
    /// </remarks>
    public static Tensor Compute(Tensor prediction, Tensor target, Tensor weights)
    {
        ArgumentNullException.ThrowIfNull(prediction);
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(weights);
        long[] shape = prediction.shape;
        if (shape.Length != 4 || !target.shape.AsSpan().SequenceEqual(shape) || !weights.shape.AsSpan().SequenceEqual([shape[0], 1, shape[2], shape[3]]))
            throw new ArgumentException($"Prediction ({string.Join(',', shape)}), target ({string.Join(',', target.shape)}) and weights "
                + $"({string.Join(',', weights.shape)}) must be (2B,C,h,w) twice and (2B,1,h,w).", nameof(prediction));
        using DisposeScope scope = NewDisposeScope();
        Tensor error = prediction.to(ScalarType.Float32) - target.to(ScalarType.Float32);
        return (error.Squared() * weights.to(ScalarType.Float32)).mean().MoveToOuterDisposeScope();
    }

    /// <summary>The weights of a batch: 1 - w(x_ref) for the reference half, w(x_gen) for the generated half.</summary>
    /// <param name="reference">Mapped quality of the reference images' patches on the latent grid, <c>(B,h,w)</c>, in [0, 1].</param>
    /// <param name="generated">Of the generated images' patches, <c>(B,h,w)</c>.</param>
    /// <returns><c>(2B,1,h,w)</c>; the caller disposes it.</returns>
    /// <remarks>Good generated patches are kept; where the generation is bad, the reference itself teaches.</remarks>
    public static Tensor Weights(Tensor reference, Tensor generated)
    {
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(generated);
        using DisposeScope scope = NewDisposeScope();
        return cat([reference.SubtractedFrom(1), generated]).unsqueeze(1).MoveToOuterDisposeScope();
    }
}
