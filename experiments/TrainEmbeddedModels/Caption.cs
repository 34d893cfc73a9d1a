using ProceduralCharacters;

namespace TrainEmbeddedModels;

/// <summary>A prompt that tells two of the character's colours besides, as captions of photos do.</summary>
internal static class Caption
{
    /// <summary>For example "a cat with a red tail and a teal head, at night".</summary>
    public static string Of(Character character, Prompt prompt, int seed)
    {
        int first = seed / 2 % Character.PartCount;
        int second = (first + 1 + seed / 16 % (Character.PartCount - 1)) % Character.PartCount;
        string kind = prompt.Kind.ToString().ToLowerInvariant();
        return prompt.Text.Replace(kind, $"{kind} with {Part(first)} and {Part(second)}", StringComparison.Ordinal);

        string Part(int part)
        {
            bool repainted = part == character.BodyPart && prompt.BodyColor is not null;
            string color = repainted ? prompt.BodyColor! : Palette.NameOf(character.Parts[part].Color);
            return $"a {color} {character.PartNames[part]}";
        }
    }
}
