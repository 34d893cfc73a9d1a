using PatchDpo.Torch.Images;
using ProceduralCharacters;

namespace Ablation;

/// <summary>An object that a held-out image should show.</summary>
/// <param name="Reference">Its image prompt.</param>
/// <param name="Truth">The image as it should be, with this object's parts.</param>
/// <param name="Cell">Where it should be in the image, in pixels; null: it has the image for itself.</param>
/// <param name="Name">What the prompt calls it.</param>
internal sealed record HeldOutObject(ImageBuffer Reference, RenderedCharacter Truth, string Name, (int X, int Y, int Side)? Cell = null)
{
    /// <summary>Its image prompt with its name.</summary>
    public ReferenceImage Named => new(Reference) { Name = Name };

    /// <summary>What of an image is compared with the reference.</summary>
    public ImageBuffer Part(ImageBuffer image) => Cell is (int x, int y, int side) ? image.Crop(x, y, side, side) : image;
}
