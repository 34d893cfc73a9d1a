using PatchDpo.Torch.Diffusion;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Training.Data;

/// <summary>A batch of B pairs, ready for the network: 2B rows, all references, then all generated images.</summary>
/// <param name="Latents">Scaled clean latents, <c>(2B,C,h,w)</c>.</param>
/// <param name="Noise">Standard normal; both images of a pair have the same, <c>(2B,C,h,w)</c>.</param>
/// <param name="Timesteps">Int64; both images of a pair have the same, <c>(2B)</c>.</param>
/// <param name="Conditions">Prompt and image prompt of the pair, twice.</param>
/// <param name="Weights">The loss weight of each latent, <c>(2B,1,h,w)</c>.</param>
internal sealed record TrainingBatch(Tensor Latents, Tensor Noise, Tensor Timesteps, PromptConditions Conditions, Tensor Weights)
{
    /// <summary>Gives the conditions as the model before training has them; null: they are the same.</summary>
    public Func<PromptConditions>? BeforeTraining { get; init; }

    /// <summary>Gives both images of a pair the same noise, timestep and conditions; new tensors in the current dispose scope.</summary>
    /// <param name="latents"><c>(2B,C,h,w)</c>.</param>
    /// <param name="noise"><c>(B,C,h,w)</c>.</param>
    /// <param name="timesteps"><c>(B)</c>.</param>
    /// <param name="text">B prompts.</param>
    /// <param name="image">B image prompts.</param>
    /// <param name="timeIds"><c>(2B,6)</c>.</param>
    /// <param name="weights"><c>(2B,1,h,w)</c>.</param>
    public static TrainingBatch OfPairs(
        Tensor latents, Tensor noise, Tensor timesteps, TextConditions text, ImagePrompt image, Tensor timeIds, Tensor weights)
        => new(latents, Twice(noise), Twice(timesteps), new PromptConditions(text.Map(Twice), image.Map(Twice), timeIds), weights);

    /// <summary>These conditions with the image prompts of B other ones.</summary>
    public PromptConditions WithImages(ImagePrompt images) => Conditions with { Image = images.Map(Twice) };

    private static Tensor Twice(Tensor rows) => cat([rows, rows]);
}
