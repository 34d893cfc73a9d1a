using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion;

/// <summary>What an adapter brings into the cross-attention of one forward pass of a UNet: the seam between network and adapter families.</summary>
/// <remarks>
/// It is called by each cross-attention layer in the place of the text's attention, and decides how text and image prompt are attended to together:
/// it may add to the text's output, weigh it or mask it, or attend with keys and values of its own. Without a branch a layer attends to the text alone.
/// </remarks>
public interface IImagePromptBranch
{
    /// <summary>Checks, before anything is computed, that the branch suits a batch.</summary>
    /// <param name="batch">Rows of the batch, B.</param>
    /// <exception cref="ArgumentException">It has another number of rows, or tensors of other shapes than it needs.</exception>
    void Check(long batch);

    /// <summary>Attends to text and image prompt.</summary>
    /// <param name="layer">The layer that asks, with its queries.</param>
    /// <returns>What is attended to, before the layer's output projection: <c>(B,heads,H*W,C/heads)</c>, in the current dispose scope.</returns>
    Tensor Attend(CrossAttentionCall layer);
}
