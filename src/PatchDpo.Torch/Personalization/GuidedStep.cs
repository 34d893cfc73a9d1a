using static TorchSharp.torch;

namespace PatchDpo.Torch.Personalization;

/// <summary>What a sampling step computed; the tensors live until the observer returns.</summary>
/// <param name="Index">The step, from 0.</param>
/// <param name="Unconditional">The prediction for the negative prompt, or null without guidance.</param>
/// <param name="Conditional">The prediction for the prompt.</param>
/// <param name="Guided">What the sampler was given.</param>
/// <param name="Latents">The latents after the step.</param>
internal sealed record GuidedStep(int Index, Tensor? Unconditional, Tensor Conditional, Tensor Guided, Tensor Latents);
