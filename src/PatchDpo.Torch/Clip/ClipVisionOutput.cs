using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Clip;

/// <summary>What a CLIP vision encoder gives for a batch; N = 1 + h * w tokens, the class token first.</summary>
/// <param name="LastHiddenState">The last layer's output, <c>(B,N,D)</c>; the post norm is not applied to it, as in the reference.</param>
/// <param name="PenultimateHiddenState">The last layer's input, <c>(B,N,D)</c>: what IP-Adapter-Plus's Resampler takes.</param>
/// <param name="Pooled">The last class token after the post norm, <c>(B,D)</c>.</param>
/// <param name="ImageEmbeds">The pooled state in the shared embedding space, <c>(B,P)</c>, not normalised; null without a projection.</param>
public sealed record ClipVisionOutput(Tensor LastHiddenState, Tensor PenultimateHiddenState, Tensor Pooled, Tensor? ImageEmbeds) : IDisposable
{
    private readonly Tensor _lastHiddenState = LastHiddenState;
    private readonly Tensor _penultimateHiddenState = PenultimateHiddenState;
    private readonly Tensor _pooled = Pooled;
    private readonly Tensor? _imageEmbeds = ImageEmbeds;

    /// <summary>The last layer's output, <c>(B,N,D)</c>; the post norm is not applied to it, as in the reference.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public Tensor LastHiddenState { get => _lastHiddenState.AliveIn(this); init => _lastHiddenState = value; }

    /// <summary>The last layer's input, <c>(B,N,D)</c>: what IP-Adapter-Plus's Resampler takes.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public Tensor PenultimateHiddenState { get => _penultimateHiddenState.AliveIn(this); init => _penultimateHiddenState = value; }

    /// <summary>The last class token after the post norm, <c>(B,D)</c>.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public Tensor Pooled { get => _pooled.AliveIn(this); init => _pooled = value; }

    /// <summary>The pooled state in the shared embedding space, <c>(B,P)</c>, not normalised; null without a projection.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public Tensor? ImageEmbeds { get => _imageEmbeds?.AliveIn(this); init => _imageEmbeds = value; }

    /// <inheritdoc/>
    public void Dispose()
    {
        _lastHiddenState.Dispose();
        _penultimateHiddenState.Dispose();
        _pooled.Dispose();
        _imageEmbeds?.Dispose();
    }
}
