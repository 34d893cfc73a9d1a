using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Clip;

/// <summary>What a CLIP text encoder gives for a batch of B sequences of T ids.</summary>
/// <param name="LastHiddenState">The last layer's output after the final norm, <c>(B,T,D)</c>: what Stable Diffusion 1.5 is conditioned on.</param>
/// <param name="PenultimateHiddenState">The last layer's input, without a norm, <c>(B,T,D)</c>: what SDXL is conditioned on.</param>
/// <param name="Pooled">The last hidden state at the end token, <c>(B,D)</c>.</param>
/// <param name="TextEmbeds">The pooled state in the shared embedding space, <c>(B,P)</c>, not normalised; null without a projection.</param>
public sealed record ClipTextOutput(Tensor LastHiddenState, Tensor PenultimateHiddenState, Tensor Pooled, Tensor? TextEmbeds) : IDisposable
{
    private readonly Tensor _lastHiddenState = LastHiddenState;
    private readonly Tensor _penultimateHiddenState = PenultimateHiddenState;
    private readonly Tensor _pooled = Pooled;
    private readonly Tensor? _textEmbeds = TextEmbeds;

    /// <summary>The last layer's output after the final norm, <c>(B,T,D)</c>: what Stable Diffusion 1.5 is conditioned on.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public Tensor LastHiddenState { get => _lastHiddenState.AliveIn(this); init => _lastHiddenState = value; }

    /// <summary>The last layer's input, without a norm, <c>(B,T,D)</c>: what SDXL is conditioned on.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public Tensor PenultimateHiddenState { get => _penultimateHiddenState.AliveIn(this); init => _penultimateHiddenState = value; }

    /// <summary>The last hidden state at the end token, <c>(B,D)</c>.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public Tensor Pooled { get => _pooled.AliveIn(this); init => _pooled = value; }

    /// <summary>The pooled state in the shared embedding space, <c>(B,P)</c>, not normalised; null without a projection.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public Tensor? TextEmbeds { get => _textEmbeds?.AliveIn(this); init => _textEmbeds = value; }

    /// <inheritdoc/>
    public void Dispose()
    {
        _lastHiddenState.Dispose();
        _penultimateHiddenState.Dispose();
        _pooled.Dispose();
        _textEmbeds?.Dispose();
    }
}
