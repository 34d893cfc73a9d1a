using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion;

/// <summary>Everything that a noise prediction is conditioned on but the timestep: what generation, training batches and caches put together.</summary>
/// <param name="Text">The prompts, B rows.</param>
/// <param name="Image">The image prompts, B rows; what they hold is the adapter family's.</param>
/// <param name="TimeIds">SDXL's sizes, <c>(B,6)</c>; networks without size conditioning leave them unread.</param>
internal sealed record PromptConditions(TextConditions Text, ImagePrompt Image, Tensor TimeIds)
{
    /// <summary>The rows of <paramref name="first"/>, then those of <paramref name="second"/>; new tensors in the current dispose scope.</summary>
    public static PromptConditions Concat(PromptConditions first, PromptConditions second) => new(
        TextConditions.Concat(first.Text, second.Text), ImagePrompt.Concat(first.Image, second.Image), cat([first.TimeIds, second.TimeIds]));
}
