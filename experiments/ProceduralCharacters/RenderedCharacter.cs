using PatchDpo.Torch.Images;

namespace ProceduralCharacters;

/// <summary>A drawn character with the ground truth of its parts.</summary>
/// <param name="Image">RGB, 64 x 64 unless asked otherwise.</param>
/// <param name="PartMask">Each pixel's part 0..7; <see cref="AccessoryPart"/>; -1 for background and outlines; -2 for pixels that mix parts.</param>
public sealed record RenderedCharacter(ImageBuffer Image, sbyte[] PartMask)
{
    /// <summary>The mask's value for the accessory.</summary>
    public const sbyte AccessoryPart = 8;

    /// <summary>
    /// Where the character is, <c>[height, width]</c>: true on its parts, its accessory and where these mix; the outlines around them are left out.
    /// </summary>
    public bool[,] Foreground()
    {
        bool[,] foreground = new bool[Image.Height, Image.Width];
        for (int i = 0; i < PartMask.Length; i++)
            foreground[i / Image.Width, i % Image.Width] = PartMask[i] != -1;
        return foreground;
    }
}
