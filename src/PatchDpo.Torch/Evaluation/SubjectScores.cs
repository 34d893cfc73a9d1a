namespace PatchDpo.Torch.Evaluation;

/// <summary>DreamBench scores of one subject, or their means over all subjects; cosines in [-1, 1].</summary>
/// <param name="Subject">The subject's name; "overall" for the means.</param>
/// <param name="Dino">Mean over all (generation, photo) pairs of the cosine of DINO class tokens.</param>
/// <param name="ClipI">The same of CLIP image embeddings.</param>
/// <param name="ClipT">Mean over the generations of the cosine of image and prompt embeddings.</param>
public sealed record SubjectScores(string Subject, double Dino, double ClipI, double ClipT);
