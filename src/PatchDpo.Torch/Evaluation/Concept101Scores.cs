using PatchDpo.Torch.Foundation;
using TorchSharp;
using static PatchDpo.Torch.Evaluation.ScoreArithmetic;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Evaluation;

/// <summary>CLIP-T, CLIP-I and DINO of Concept101's combinations, from embeddings.</summary>
/// <remarks>
/// hqhQAQ/MIP-Adapter, evaluation/evaluate_func.py. An object counts as much as another however many photos it has, and so does a combination. On CUDA that
/// script holds CLIP's embeddings in float16, which <c>clipArithmetic: Float16</c> repeats.
/// </remarks>
internal static class Concept101Scores
{
    /// <summary>Scores combinations.</summary>
    /// <param name="combinations">Their embeddings.</param>
    /// <param name="clipArithmetic">Float32 (default), Float64, or Float16 as the official script on CUDA; DINO is float32 with Float16.</param>
    /// <exception cref="EmptyDataException">There is no combination.</exception>
    public static (IReadOnlyList<CombinationScores> Combinations, (double ClipT, double ClipI, double Dino) Overall) Compute(
        IReadOnlyList<CombinationEmbeddings> combinations, ScalarType clipArithmetic = ScalarType.Float32)
    {
        if (combinations.Count == 0)
            throw new EmptyDataException("There is no combination to score.");
        ScalarType dinoArithmetic = clipArithmetic == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;
        using IDisposable noGrad = no_grad();
        CombinationScores[] scores = [.. combinations.Select(c =>
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor clip = Normalized(c.GeneratedClip, clipArithmetic), dino = Normalized(c.GeneratedDino, dinoArithmetic);
            Tensor cosines = (clip * Normalized(c.CaptionClip, clipArithmetic)).sum(1).to(ScalarType.Float64);
            return new CombinationScores(
                Mean(cosines.Clamped(0, double.MaxValue).Times(Concept101.ClipTWeight)),
                [.. c.Objects.Select(o => Mean(clip.matmul(Normalized(o.Clip, clipArithmetic).t())))],
                [.. c.Objects.Select(o => Mean(dino.matmul(Normalized(o.Dino, dinoArithmetic).t())))]);
        })];
        return (scores, (scores.Average(s => s.ClipT), scores.Average(s => s.ClipI.Average()), scores.Average(s => s.Dino.Average())));
    }
}
