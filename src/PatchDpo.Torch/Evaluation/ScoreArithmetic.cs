using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Evaluation;

/// <summary>Scores in the number type that a published evaluation computed in, each step rounded to it.</summary>
internal static class ScoreArithmetic
{
    /// <summary>Rows of length 1; a zero row stays zero.</summary>
    public static Tensor Normalized(Tensor embeddings, ScalarType arithmetic)
    {
        Tensor x = embeddings.detach().cpu().to(arithmetic);
        Tensor length = (x * x).sum(1, keepdim: true).sqrt();
        return x / length.MaskedFilled(length.EqualTo(0), 1);
    }

    /// <summary>The mean of all values.</summary>
    public static double Mean(Tensor values) => values.mean().to(float64).item<double>();

    /// <summary>The mean of numbers that are rounded to the arithmetic first.</summary>
    public static double MeanOf(IEnumerable<double> values, ScalarType arithmetic) => Mean(tensor(values.ToArray(), dtype: arithmetic));
}
