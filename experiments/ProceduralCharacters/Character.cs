namespace ProceduralCharacters;

/// <summary>An identity: a kind, eight parts with their own colours and textures, and proportions.</summary>
public sealed class Character
{
    /// <summary>Parts of every kind.</summary>
    public const int PartCount = 8;

    private Character(CharacterKind kind, PartStyle[] parts, float bodySize, float headSize)
    {
        Kind = kind;
        Parts = parts;
        BodySize = bodySize;
        HeadSize = headSize;
    }

    public CharacterKind Kind { get; }

    /// <summary>The parts' looks, in the order of <see cref="PartNames"/>.</summary>
    public IReadOnlyList<PartStyle> Parts { get; }

    /// <summary>Factor of the body's width, 0.9..1.1.</summary>
    public float BodySize { get; }

    /// <summary>Factor of the head's size, 0.9..1.1.</summary>
    public float HeadSize { get; }

    /// <summary>The part that "a purple cat" recolours.</summary>
    public int BodyPart => TexturedParts(Kind)[0];

    /// <summary>The kind's part names.</summary>
    public IReadOnlyList<string> PartNames => Kind switch
    {
        CharacterKind.Robot => ["left leg", "right leg", "left arm", "right arm", "body", "chest", "head", "antenna"],
        CharacterKind.Cat => ["tail", "hind leg", "front leg", "body", "patch", "ears", "head", "muzzle"],
        CharacterKind.Bird => ["tail", "legs", "body", "belly", "beak", "crest", "head", "wing"],
        CharacterKind.Fish => ["tail", "top fin", "bottom fin", "body", "face", "band", "side fin", "lips"],
        CharacterKind.Car => ["luggage", "cabin", "window", "body", "mark", "bumper", "rear wheel", "front wheel"],
        _ => ["bush", "chimney", "wall", "door", "window", "cap", "large spot", "small spot"],
    };

    /// <summary>The identity that a seed stands for.</summary>
    public static Character Random(int seed, CharacterKind? kind = null)
    {
        Random random = Seeds.Source(seed, 1);
        CharacterKind chosen = kind ?? (CharacterKind)random.Next(6);
        int[] colors = Palette.Draw(random, PartCount + 2);
        var parts = new PartStyle[PartCount];
        int[] textured = TexturedParts(chosen);
        for (int i = 0; i < PartCount; i++)
        {
            int rank = Array.IndexOf(textured, i);
            bool texture = rank >= 0 && random.NextDouble() < 0.5;
            parts[i] = new PartStyle(colors[i], rank >= 0 ? colors[PartCount + rank] : colors[i], texture ? (Texture)random.Next(1, 5) : Texture.Plain);
        }

        return new Character(chosen, parts, 0.9f + 0.2f * random.NextSingle(), 0.9f + 0.2f * random.NextSingle());
    }

    /// <summary>A near-duplicate: <paramref name="count"/> parts recoloured (a third of the textured ones retextured instead).</summary>
    public Character WithChangedParts(int count, int seed)
    {
        Random random = Seeds.Source(seed, 2);
        int[] order = Enumerable.Range(0, PartCount).ToArray();
        random.Shuffle(order);
        PartStyle[] parts = [.. Parts];
        foreach (int i in order.Take(count))
        {
            PartStyle style = parts[i];
            parts[i] = style.Texture != Texture.Plain && random.Next(3) == 0
                ? style with { Texture = Texture.Plain }
                : style with { Color = Palette.Other(style.Color, random) };
        }

        return new Character(Kind, parts, BodySize, HeadSize);
    }

    /// <summary>The same character with its body in one plain colour.</summary>
    internal Character WithBodyColor(int color)
    {
        PartStyle[] parts = [.. Parts];
        parts[BodyPart] = new PartStyle(color, color, Texture.Plain);
        return new Character(Kind, parts, BodySize, HeadSize);
    }

    /// <summary>The two parts that are large enough for a texture, the body first.</summary>
    private static int[] TexturedParts(CharacterKind kind) => kind switch
    {
        CharacterKind.Robot => [4, 6],
        CharacterKind.Cat => [3, 6],
        CharacterKind.Bird => [2, 7],
        CharacterKind.Fish => [3, 4],
        CharacterKind.Car => [3, 1],
        _ => [5, 2],
    };
}
