using PatchDpo.Torch.Foundation;
using TorchSharp;
using static PatchDpo.Torch.Evaluation.ScoreArithmetic;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Evaluation;

/// <summary>DINO, CLIP-I and CLIP-T of DreamBench, from embeddings.</summary>
/// <remarks>
/// As evaluation/evaluate_dreambooth_func.py of the official repository: the mean over a subject's pairs, then the unweighted
/// mean over subjects. On CUDA that script holds CLIP's embeddings in float16 and computes their scores in it, which puts them
/// on a grid of about 0.0002 to 0.0005; <c>clipArithmetic: Float16</c> repeats that, step by step, to compare with its figures.
/// </remarks>
public static class DreamBenchScores
{
    /// <summary>Scores subjects.</summary>
    /// <param name="subjects">Their embeddings.</param>
    /// <param name="setting">Which photos count.</param>
    /// <param name="clipArithmetic">Float32 (default), Float64, or Float16 as the official script on CUDA; DINO is float32 with Float16.</param>
    /// <returns>Each subject's scores, and their mean.</returns>
    /// <exception cref="EmptyDataException">There is no subject, or a subject has no generation or no photo.</exception>
    /// <exception cref="ArgumentException">A subject's embeddings do not fit each other; the message names it.</exception>
    public static (IReadOnlyList<SubjectScores> Subjects, SubjectScores Overall) Compute(
        IReadOnlyList<SubjectEmbeddings> subjects, DreamBenchSetting setting, ScalarType clipArithmetic = ScalarType.Float32)
    {
        ArgumentNullException.ThrowIfNull(subjects);
        if (subjects.Count == 0)
            throw new EmptyDataException("There is no subject to score.");
        if (clipArithmetic is not (ScalarType.Float16 or ScalarType.Float32 or ScalarType.Float64))
            throw new ArgumentOutOfRangeException(nameof(clipArithmetic), clipArithmetic, "The arithmetic is Float16, Float32 or Float64.");
        ScalarType dinoArithmetic = clipArithmetic == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;

        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        List<SubjectScores> scores = new(subjects.Count);
        foreach (SubjectEmbeddings s in subjects)
        {
            using DisposeScope inner = NewDisposeScope();
            Check(s);
            (Tensor clip, Tensor dino) = setting == DreamBenchSetting.Original
                ? (s.ReferenceClip, s.ReferenceDino)
                : (s.ReferenceClip.narrow(0, s.SelectedReference, 1), s.ReferenceDino.narrow(0, s.SelectedReference, 1));
            Tensor generated = Normalized(s.GeneratedClip, clipArithmetic);
            scores.Add(new SubjectScores(
                s.Subject,
                Dino: Mean(Normalized(s.GeneratedDino, dinoArithmetic).matmul(Normalized(dino, dinoArithmetic).t())),
                ClipI: Mean(generated.matmul(Normalized(clip, clipArithmetic).t())),
                ClipT: Mean((generated * Normalized(s.PromptClip, clipArithmetic)).sum(1))));
        }
        return (scores, new SubjectScores(
            "overall", MeanOf(scores.Select(s => s.Dino), dinoArithmetic), MeanOf(scores.Select(s => s.ClipI), clipArithmetic),
                MeanOf(scores.Select(s => s.ClipT), clipArithmetic)));
    }

    private static void Check(SubjectEmbeddings s)
    {
        CheckSide(s.GeneratedClip, s.GeneratedDino, "generation");
        CheckSide(s.ReferenceClip, s.ReferenceDino, "photo");
        if (!s.PromptClip.shape.SequenceEqual(s.GeneratedClip.shape))
            throw new ArgumentException($"Subject '{s.Subject}': the prompt embeddings ({string.Join(',', s.PromptClip.shape)}) do not fit the image "
                + $"embeddings ({string.Join(',', s.GeneratedClip.shape)}).", nameof(s));
        if (s.ReferenceClip.shape[1] != s.GeneratedClip.shape[1] || s.ReferenceDino.shape[1] != s.GeneratedDino.shape[1])
            throw new ArgumentException($"Subject '{s.Subject}': the embeddings of generations and photos differ in length.", nameof(s));
        if (s.SelectedReference < 0 || s.SelectedReference >= s.ReferenceClip.shape[0])
        {
            throw new ArgumentException(
                $"Subject '{s.Subject}': the selected photo {s.SelectedReference} is none of its {s.ReferenceClip.shape[0]}.", nameof(s));
        }

        void CheckSide(Tensor clip, Tensor dino, string what)
        {
            if (clip.dim() != 2 || dino.dim() != 2 || clip.shape[0] != dino.shape[0])
                throw new ArgumentException($"Subject '{s.Subject}': its {what} embeddings ({string.Join(',', clip.shape)}) and "
                    + $"({string.Join(',', dino.shape)}) are not two matrices of as many rows.", nameof(s));
            if (clip.shape[0] == 0)
                throw new EmptyDataException($"Subject '{s.Subject}' has no {what}.");
        }
    }
}
