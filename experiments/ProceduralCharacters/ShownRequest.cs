using PatchDpo.Torch.Images;

namespace ProceduralCharacters;

/// <summary>Which of the things that a prompt asks for, and the reference does not have, an image shows; needs the truth that only a renderer has.</summary>
public static class ShownRequest
{
    /// <summary>
    /// For the accessory and the body's colour, whether it is there; for facing left and a small size, whether the image is nearest to the drawing
    /// with both facing and size as asked.
    /// </summary>
    /// <param name="image">A generated image.</param>
    /// <param name="character">Who should be shown.</param>
    /// <param name="prompt">How.</param>
    /// <param name="seed">The drawing's.</param>
    public static IEnumerable<bool> Of(ImageBuffer image, Character character, Prompt prompt, int seed)
    {
        PartAccuracy accuracy = PartAccuracy.Measure(image, CharacterRenderer.Render(character, prompt, seed));
        if (!double.IsNaN(accuracy.AccessoryError))
            yield return accuracy.AccessoryError <= PartAccuracy.WrongAbove;
        if (prompt.BodyColor is not null && !double.IsNaN(accuracy.PartErrors[character.BodyPart]))
            yield return accuracy.PartErrors[character.BodyPart] <= PartAccuracy.WrongAbove;
        if (!prompt.FacingLeft && !prompt.Small)
            yield break;
        Prompt[] layouts = [prompt, prompt with { Small = !prompt.Small }, prompt with { FacingLeft = !prompt.FacingLeft },
            prompt with { Small = !prompt.Small, FacingLeft = !prompt.FacingLeft }];
        Prompt shown = layouts.MinBy(p => Distance(image, CharacterRenderer.Render(character, p, seed).Image))!;
        if (prompt.FacingLeft)
            yield return shown.FacingLeft;
        if (prompt.Small)
            yield return shown.Small;
    }

    /// <summary>Whether each of the two is on its own side: the image is nearer to the drawing than to the one with both exchanged.</summary>
    public static IEnumerable<bool> Of(ImageBuffer image, Duo duo, int seed)
    {
        Duo exchanged = duo with { Left = duo.Right, Right = duo.Left };
        yield return Distance(image, CharacterRenderer.Render(duo, seed)[0].Image) < Distance(image, CharacterRenderer.Render(exchanged, seed)[0].Image);
    }

    private static double Distance(ImageBuffer a, ImageBuffer b)
    {
        double sum = 0;
        for (int i = 0; i < a.Pixels.Length; i++)
            sum += Math.Abs(a.Pixels[i] - b.Pixels[i]);
        return sum;
    }
}
