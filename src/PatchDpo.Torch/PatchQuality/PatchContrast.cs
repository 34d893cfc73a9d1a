using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.PatchQuality;

/// <summary>InfoNCE on corresponding points: each point finds its counterpart among all that are certain to show something else.</summary>
internal static class PatchContrast
{
    /// <summary>The loss, and how often the counterpart was the most similar.</summary>
    /// <param name="first">Features of M points in the first views, <c>(M,D)</c>.</param>
    /// <param name="second">Features of the same points in the second views, <c>(M,D)</c>.</param>
    /// <param name="excluded">Pairs that are no negatives, bool <c>(M,M)</c>; the diagonal is the positive, whatever it says there.</param>
    /// <param name="temperature">Divides the cosines.</param>
    /// <param name="negatives">Further negatives (recoloured), <c>(R,D)</c>, or null.</param>
    /// <param name="negativesExcluded">Which of them are none for which point, bool <c>(M,R)</c>.</param>
    /// <returns>The mean of both directions, a scalar with gradients; and the share of right matches in the first direction.</returns>
    public static (Tensor Loss, Tensor Accuracy) Loss(
        Tensor first, Tensor second, Tensor excluded, double temperature, Tensor? negatives, Tensor? negativesExcluded)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor a = nn.functional.normalize(first, dim: 1), b = nn.functional.normalize(second, dim: 1);
        long count = a.shape[0];
        Tensor labels = TensorArithmetic.Range(count, int64, a.device);
        Tensor off = excluded.logical_and(eye(count, dtype: ScalarType.Bool, device: a.device).logical_not());
        Tensor logits = a.matmul(b.t()).DividedBy(temperature).MaskedFilled(off, double.NegativeInfinity), forward = logits;
        if (negatives is not null && negativesExcluded is not null)
        {
            Tensor further = a.matmul(nn.functional.normalize(negatives, dim: 1).t()).DividedBy(temperature)
                .MaskedFilled(negativesExcluded, double.NegativeInfinity);
            forward = cat([logits, further], 1);
        }
        Tensor loss = nn.functional.cross_entropy(forward, labels).Plus(nn.functional.cross_entropy(logits.t(), labels)).DividedBy(2);
        Tensor accuracy = forward.detach().argmax(1).eq(labels).to(float32).mean();
        return (loss.MoveToOuterDisposeScope(), accuracy.MoveToOuterDisposeScope());
    }

    /// <summary>How far cosines are from a likeness.</summary>
    /// <param name="first">Features of M points, <c>(M,D)</c>.</param>
    /// <param name="others">Features of R others, <c>(R,D)</c>.</param>
    /// <param name="likeness">What their cosines should be, <c>(M,R)</c>.</param>
    /// <returns>The mean squared difference, a scalar with gradients.</returns>
    public static Tensor GradedLoss(Tensor first, Tensor others, Tensor likeness)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor cosines = nn.functional.normalize(first, dim: 1).matmul(nn.functional.normalize(others, dim: 1).t());
        return (cosines - likeness).Squared().mean().MoveToOuterDisposeScope();
    }
}
