using PatchDpo.Torch.Images;
using ProceduralCharacters;

namespace Ablation;

/// <summary>What a training pair is made from.</summary>
/// <param name="Prompt">The text.</param>
/// <param name="Reference">x_ref, one of the two images to train on: the object, or the objects' montage.</param>
/// <param name="ImagePrompts">An image of each object, with its name.</param>
/// <param name="ReferenceParts">The reference with each object's parts.</param>
/// <param name="Truths">How each object should look in the image that the prompt asks for.</param>
internal sealed record TrainingCase(string Prompt, ImageBuffer Reference, IReadOnlyList<ReferenceImage> ImagePrompts,
    IReadOnlyList<RenderedCharacter> ReferenceParts, IReadOnlyList<RenderedCharacter> Truths)
{
    /// <summary>An image with planted faults in the place of what the model generates; null: the model's.</summary>
    public ImageBuffer? Planted { get; init; }

    /// <summary>Where the objects of the image should be, which a user asks a segmenter for.</summary>
    public bool[,] Foreground()
    {
        IReadOnlyList<bool[,]> objects = [.. Truths.Select(t => t.Foreground())];
        bool[,] all = new bool[objects[0].GetLength(0), objects[0].GetLength(1)];
        for (int row = 0; row < all.GetLength(0); row++)
        {
            for (int column = 0; column < all.GetLength(1); column++)
                all[row, column] = objects.Any(o => o[row, column]);
        }

        return all;
    }
}
