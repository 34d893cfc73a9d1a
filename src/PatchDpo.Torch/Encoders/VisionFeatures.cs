using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Encoders;

/// <summary>What an image encoder gives for a batch.</summary>
/// <param name="Global">
/// One feature an image, <c>(B,D)</c>: the class token, the projected image embedding, or a convolutional network's last map averaged; not
/// normalised.
/// </param>
/// <param name="Patches">Patch features, <c>(B,h,w,Dp)</c>, rows from the top; not normalised.</param>
public sealed record VisionFeatures(Tensor Global, Tensor Patches) : IDisposable
{
    private readonly Tensor _global = Global;
    private readonly Tensor _patches = Patches;

    /// <summary>
    /// One feature an image, <c>(B,D)</c>: the class token, the projected image embedding, or a convolutional network's last map averaged; not
    /// normalised.
    /// </summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public Tensor Global { get => _global.AliveIn(this); init => _global = value; }

    /// <summary>Patch features, <c>(B,h,w,Dp)</c>, rows from the top; not normalised.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public Tensor Patches { get => _patches.AliveIn(this); init => _patches = value; }

    /// <inheritdoc/>
    public void Dispose()
    {
        _global.Dispose();
        _patches.Dispose();
    }
}
