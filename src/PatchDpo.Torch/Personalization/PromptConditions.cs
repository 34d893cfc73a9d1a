using static TorchSharp.torch;

namespace PatchDpo.Torch.Personalization;

/// <summary>Everything that a noise prediction is conditioned on but the timestep.</summary>
/// <param name="Text">The prompts, B rows.</param>
/// <param name="IpTokens">Image prompt tokens, <c>(B,N,C)</c>.</param>
/// <param name="TimeIds">SDXL's sizes, <c>(B,6)</c>; networks without size conditioning leave them unread.</param>
internal sealed record PromptConditions(TextConditions Text, Tensor IpTokens, Tensor TimeIds)
{
    /// <summary>The rows of <paramref name="first"/>, then those of <paramref name="second"/>; new tensors in the current dispose scope.</summary>
    public static PromptConditions Concat(PromptConditions first, PromptConditions second) => new(
        TextConditions.Concat(first.Text, second.Text),
        cat([first.IpTokens, second.IpTokens]),
        cat([first.TimeIds, second.TimeIds]));
}
