using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.UNet;

/// <summary>What one forward pass hands to every block.</summary>
/// <param name="TimeEmbedding"><c>(B,T)</c></param>
/// <param name="Context">Encoder hidden states of the text, <c>(B,N,C)</c>.</param>
/// <param name="ImagePrompt">The image prompt's branch, or null for text alone.</param>
internal sealed record UNetPass(Tensor TimeEmbedding, Tensor Context, IImagePromptBranch? ImagePrompt)
{
    /// <summary>Feature maps that down blocks leave for up blocks.</summary>
    public Stack<Tensor> Skips { get; } = new();
}
