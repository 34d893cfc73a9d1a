using PatchDpo.Torch.Diffusion.Blocks;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.UNet;

/// <summary>What one forward pass hands to every block.</summary>
/// <param name="TimeEmbedding"><c>(B,T)</c></param>
/// <param name="Context">Encoder hidden states of the text, <c>(B,N,C)</c>.</param>
/// <param name="ImagePrompt">The image prompt's branch, or null for text alone.</param>
/// <param name="Recompute">Whether parts keep their input alone for the backward pass; what stands above must live until then.</param>
internal sealed record UNetPass(Tensor TimeEmbedding, Tensor Context, IImagePromptBranch? ImagePrompt, bool Recompute = false)
{
    /// <summary>Feature maps that down blocks leave for up blocks.</summary>
    public Stack<Tensor> Skips { get; } = new();

    /// <summary>Applies a part of the network, which the backward pass computes once more where that is asked for.</summary>
    public Tensor Apply(Func<Tensor, Tensor> part, Tensor input) => Recompute ? Recomputed.Apply(part, input) : part(input);
}
