using static TorchSharp.torch;

namespace PatchDpo.Torch.Vision;

/// <summary>What a CLIP vision encoder gives for a batch; N = 1 + h * w tokens, the class token first.</summary>
/// <param name="LastHiddenState">The last layer's output, <c>(B,N,D)</c>; the post norm is not applied to it, as in the reference.</param>
/// <param name="PenultimateHiddenState">The last layer's input, <c>(B,N,D)</c>: what IP-Adapter-Plus's Resampler takes.</param>
/// <param name="Pooled">The last class token after the post norm, <c>(B,D)</c>.</param>
/// <param name="ImageEmbeds">The pooled state in the shared embedding space, <c>(B,P)</c>, not normalised; null without a projection.</param>
public sealed record ClipVisionOutput(Tensor LastHiddenState, Tensor PenultimateHiddenState, Tensor Pooled, Tensor? ImageEmbeds) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        LastHiddenState.Dispose();
        PenultimateHiddenState.Dispose();
        Pooled.Dispose();
        ImageEmbeds?.Dispose();
    }
}
