using static TorchSharp.torch;

namespace PatchDpo.Torch.Text;

/// <summary>What a CLIP text encoder gives for a batch of B sequences of T ids.</summary>
/// <param name="LastHiddenState">The last layer's output after the final norm, <c>(B,T,D)</c>: what Stable Diffusion 1.5 is conditioned on.</param>
/// <param name="PenultimateHiddenState">The last layer's input, without a norm, <c>(B,T,D)</c>: what SDXL is conditioned on.</param>
/// <param name="Pooled">The last hidden state at the end token, <c>(B,D)</c>.</param>
/// <param name="TextEmbeds">The pooled state in the shared embedding space, <c>(B,P)</c>, not normalised; null without a projection.</param>
public sealed record ClipTextOutput(Tensor LastHiddenState, Tensor PenultimateHiddenState, Tensor Pooled, Tensor? TextEmbeds) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        LastHiddenState.Dispose();
        PenultimateHiddenState.Dispose();
        Pooled.Dispose();
        TextEmbeds?.Dispose();
    }
}
