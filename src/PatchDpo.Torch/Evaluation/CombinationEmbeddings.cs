using static TorchSharp.torch;

namespace PatchDpo.Torch.Evaluation;

/// <summary>The embeddings of one combination's generations, captions and photos; they need not be normalised.</summary>
/// <param name="GeneratedClip">CLIP image embeddings of the generations, <c>(n,D)</c>.</param>
/// <param name="CaptionClip">CLIP text embeddings of the captions, one for each generation, <c>(n,D)</c>.</param>
/// <param name="GeneratedDino">DINO class tokens of the generations, <c>(n,E)</c>.</param>
/// <param name="Objects">Of each object: its photos' CLIP embeddings <c>(r,D)</c> and class tokens <c>(r,E)</c>.</param>
internal sealed record CombinationEmbeddings(
    Tensor GeneratedClip, Tensor CaptionClip, Tensor GeneratedDino, IReadOnlyList<(Tensor Clip, Tensor Dino)> Objects);
