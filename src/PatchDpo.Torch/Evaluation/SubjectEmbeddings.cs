using static TorchSharp.torch;

namespace PatchDpo.Torch.Evaluation;

/// <summary>The embeddings of one subject's generations, prompts and photos; they need not be normalised.</summary>
/// <param name="Subject">The subject's name.</param>
/// <param name="GeneratedClip">CLIP image embeddings of the generations, <c>(n,D)</c>.</param>
/// <param name="PromptClip">CLIP text embeddings of the prompts, one for each generation, <c>(n,D)</c>.</param>
/// <param name="ReferenceClip">CLIP image embeddings of the photos, <c>(r,D)</c>.</param>
/// <param name="GeneratedDino">DINO class tokens of the generations, <c>(n,E)</c>.</param>
/// <param name="ReferenceDino">DINO class tokens of the photos, <c>(r,E)</c>.</param>
/// <param name="SelectedReference">The photo of the Kosmos-G setting, 0..r-1.</param>
public sealed record SubjectEmbeddings(
    string Subject, Tensor GeneratedClip, Tensor PromptClip, Tensor ReferenceClip, Tensor GeneratedDino, Tensor ReferenceDino, int SelectedReference);
