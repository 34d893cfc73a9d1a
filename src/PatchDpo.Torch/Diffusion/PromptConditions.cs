using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion;

/// <summary>Everything that a noise prediction is conditioned on but the timestep: what generation, training batches and caches put together.</summary>
/// <param name="Text">The prompts, B rows.</param>
/// <param name="Image">The image prompts, B rows; what they hold is the adapter family's.</param>
/// <param name="TimeIds">SDXL's sizes, <c>(B,6)</c>; networks without size conditioning leave them unread.</param>
internal sealed record PromptConditions(TextConditions Text, ImagePrompt Image, Tensor TimeIds)
{
    /// <summary>How many rows, the first ones, are the unconditional half of guidance; 0 where all are conditional.</summary>
    public int UnconditionalRows { get; init; }

    /// <summary>Both halves of guidance, the negative first; new tensors in the current dispose scope.</summary>
    public static PromptConditions Guided(PromptConditions negative, PromptConditions positive) => new(
        TextConditions.Concat(negative.Text, positive.Text), ImagePrompt.Concat(negative.Image, positive.Image), cat([negative.TimeIds, positive.TimeIds]))
    {
        UnconditionalRows = (int)negative.Image.Rows,
    };
}
