using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion;

/// <summary>A network that predicts the noise (or what its schedule says) in latents.</summary>
/// <param name="latents">Noisy latents, <c>(B,C,h,w)</c>.</param>
/// <param name="timesteps">Training timesteps, <c>(B)</c>.</param>
/// <param name="conditions">B rows.</param>
/// <returns><c>(B,C,h,w)</c>, the caller's to dispose.</returns>
internal delegate Tensor NoisePredictor(Tensor latents, Tensor timesteps, PromptConditions conditions);
