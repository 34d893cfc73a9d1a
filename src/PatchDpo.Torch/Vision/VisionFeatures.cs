using static TorchSharp.torch;

namespace PatchDpo.Torch.Vision;

/// <summary>What an image encoder gives for a batch.</summary>
/// <param name="Global">One feature an image, <c>(B,D)</c>: the class token, the projected image embedding, or a convolutional network's last map averaged; not normalised.</param>
/// <param name="Patches">Patch features, <c>(B,h,w,Dp)</c>, rows from the top; not normalised.</param>
public sealed record VisionFeatures(Tensor Global, Tensor Patches) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        Global.Dispose();
        Patches.Dispose();
    }
}
