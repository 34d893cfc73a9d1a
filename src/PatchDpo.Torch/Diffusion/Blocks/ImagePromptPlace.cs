namespace PatchDpo.Torch.Diffusion.Blocks;

/// <summary>An image prompt's branch, and the grid of the layers that call it.</summary>
/// <param name="Branch">The branch.</param>
/// <param name="Height">Rows of the grid.</param>
/// <param name="Width">Columns of the grid.</param>
internal sealed record ImagePromptPlace(IImagePromptBranch Branch, long Height, long Width);
