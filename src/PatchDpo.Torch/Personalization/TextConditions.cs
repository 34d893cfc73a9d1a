using static TorchSharp.torch;

namespace PatchDpo.Torch.Personalization;

/// <summary>A batch of B prompts as the noise predictor takes them.</summary>
/// <param name="HiddenStates">Penultimate hidden states of both text encoders, concatenated, <c>(B,T,C)</c>.</param>
/// <param name="Pooled">The second text encoder's projected text, <c>(B,P)</c>.</param>
public sealed record TextConditions(Tensor HiddenStates, Tensor Pooled) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        HiddenStates.Dispose();
        Pooled.Dispose();
    }
}
