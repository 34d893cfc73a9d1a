using PatchDpo.Torch.Images;
using ProceduralCharacters;

namespace TrainEmbeddedModels;

/// <summary>What the generator learns from: a prompt, a reference for each object that it names, and the image that should come out.</summary>
internal sealed record GeneratorSample(string Text, IReadOnlyList<ImageBuffer> References, ImageBuffer Target)
{
    /// <summary>
    /// A character, three in ten on white: there the target is the reference itself, from which the model learns to copy each part; in scenes, to
    /// place it.
    /// </summary>
    public static GeneratorSample Basic(int seed)
    {
        Character character = Character.Random(seed);
        return Of(character, seed % 10 < 3 ? Prompt.OnWhite(character.Kind) : Prompt.Random(character.Kind, seed), seed);
    }

    /// <summary>A character, some of them small, and on white too some turned, equipped or repainted.</summary>
    public static GeneratorSample Varied(int seed)
    {
        Character character = Character.Random(seed);
        Prompt varied = Prompt.Varied(character.Kind, seed);
        return Of(character, (seed % 10) switch { < 2 => Prompt.OnWhite(character.Kind), < 4 => varied with { Scene = Scene.White }, _ => varied }, seed);
    }

    /// <summary>Two characters, three pairs in ten on white.</summary>
    public static GeneratorSample Pair(int seed)
    {
        var duo = Duo.Random(seed, onWhite: seed % 10 < 3);
        return new GeneratorSample(duo.Text, [Reference(duo.Left), Reference(duo.Right)], CharacterRenderer.Render(duo, seed)[0].Image);
    }

    private static GeneratorSample Of(Character character, Prompt prompt, int seed)
        => new(prompt.Text, [Reference(character)], CharacterRenderer.Render(character, prompt, seed).Image);

    private static ImageBuffer Reference(Character character) => CharacterRenderer.RenderReference(character).Image;
}
