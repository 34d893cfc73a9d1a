using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion;

/// <summary>A batch of B prompts as the noise predictor takes them.</summary>
/// <param name="HiddenStates">Hidden states of the text encoder (Stable Diffusion 1.5), or of both encoders side by side (SDXL), <c>(B,T,C)</c>.</param>
/// <param name="Pooled">The second text encoder's projected text, <c>(B,P)</c>; null where the network takes none (Stable Diffusion 1.5).</param>
public sealed record TextConditions(Tensor HiddenStates, Tensor? Pooled = null) : IDisposable
{
    private readonly Tensor _hiddenStates = HiddenStates;
    private readonly Tensor? _pooled = Pooled;

    /// <summary>Hidden states of the text encoder (Stable Diffusion 1.5), or of both encoders side by side (SDXL), <c>(B,T,C)</c>.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public Tensor HiddenStates { get => _hiddenStates.AliveIn(this); init => _hiddenStates = value; }

    /// <summary>The second text encoder's projected text, <c>(B,P)</c>; null where the network takes none (Stable Diffusion 1.5).</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public Tensor? Pooled { get => _pooled?.AliveIn(this); init => _pooled = value; }

    /// <inheritdoc/>
    public void Dispose()
    {
        _hiddenStates.Dispose();
        _pooled?.Dispose();
    }

    /// <summary>The rows of all parts; new tensors in the current dispose scope.</summary>
    /// <param name="parts">At least one; all of one model.</param>
    internal static TextConditions Concat(params IReadOnlyList<TextConditions> parts)
        => new(cat([.. parts.Select(p => p.HiddenStates)]), parts[0].Pooled is null ? null : cat([.. parts.Select(p => p.Pooled!)]));

    /// <summary>Applies a function of tensors to each of them.</summary>
    internal TextConditions Map(Func<Tensor, Tensor> function) => new(function(HiddenStates), Pooled is null ? null : function(Pooled));
}
