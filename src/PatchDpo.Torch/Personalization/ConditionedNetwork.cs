using PatchDpo.Torch.Diffusion;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Personalization;

/// <summary>A noise predictor with its conditions: what stays the same, or is kept, from step to step of one generation.</summary>
/// <param name="predict">Noisy latents <c>(B,C,h,w)</c> and timesteps <c>(B)</c> to the prediction, the caller's to dispose; called in the order of the steps.</param>
/// <param name="kept">What is freed at the end; null for nothing.</param>
internal sealed class ConditionedNetwork(Func<Tensor, Tensor, Tensor> predict, IDisposable? kept = null) : IDisposable
{
    /// <summary>Binds conditions to a predictor that keeps nothing.</summary>
    public static Func<PromptConditions, ConditionedNetwork> Of(NoisePredictor predict)
        => conditions => new ConditionedNetwork((latents, timesteps) => predict(latents, timesteps, conditions));

    /// <summary>Predicts.</summary>
    public Tensor Predict(Tensor latents, Tensor timesteps) => predict(latents, timesteps);

    /// <inheritdoc/>
    public void Dispose() => kept?.Dispose();
}
