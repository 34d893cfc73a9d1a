namespace ProceduralCharacters;

/// <summary>What a text asks for; it says nothing of the identity's colours.</summary>
public sealed record Prompt
{
    public required CharacterKind Kind { get; init; }

    public Scene Scene { get; init; } = Scene.White;

    public bool FacingLeft { get; init; }

    /// <summary>Half as large as in the reference.</summary>
    public bool Small { get; init; }

    public Accessory Accessory { get; init; }

    /// <summary>The accessory's colour, one of <see cref="Palette.Named"/>.</summary>
    public string AccessoryColor { get; init; } = "red";

    /// <summary>The colour that the body is repainted in, or null to keep the identity's.</summary>
    public string? BodyColor { get; init; }

    /// <summary>A plain picture on white: what the reference shows, and nothing more.</summary>
    public static Prompt OnWhite(CharacterKind kind) => new() { Kind = kind };

    /// <summary>A random request in a random scene.</summary>
    public static Prompt Random(CharacterKind kind, int seed)
    {
        Random random = Seeds.Source(seed, 3);
        return new Prompt
        {
            Kind = kind,
            Scene = (Scene)random.Next(8),
            FacingLeft = random.Next(2) == 0,
            Accessory = random.NextDouble() < 0.6 ? Accessory.None : (Accessory)random.Next(1, 4),
            AccessoryColor = Palette.Named[random.Next(Palette.Named.Count)].Name,
            BodyColor = random.NextDouble() < 0.12 ? Palette.Named[random.Next(Palette.Named.Count)].Name : null,
        };
    }

    /// <summary>A random request, three in ten of a small character.</summary>
    public static Prompt Varied(CharacterKind kind, int seed) => Random(kind, seed) with { Small = Seeds.Source(seed, 6).Next(10) < 3 };

    /// <summary>The same request but for one thing: what an image that ignores an instruction shows.</summary>
    public Prompt WithOneChange(int seed)
    {
        Random random = Seeds.Source(seed, 4);
        while (true)
        {
            Prompt other = Random(Kind, random.Next());
            Prompt changed = random.Next(5) switch
            {
                0 => this with { Scene = other.Scene },
                1 => this with { FacingLeft = !FacingLeft },
                2 => this with { BodyColor = other.BodyColor },
                3 => this with { Small = !Small },
                _ => this with { Accessory = other.Accessory, AccessoryColor = other.AccessoryColor },
            };
            if (changed.Text != Text)
                return changed;
        }
    }

    /// <summary>The text, for example "a small cat wearing a red hat, facing left, on a beach".</summary>
    public string Text
    {
        get
        {
            string body = BodyColor is null ? "" : BodyColor + " ";
            string accessory = Accessory switch
            {
                Accessory.Hat => $" wearing a {AccessoryColor} hat",
                Accessory.Balloon => $" holding a {AccessoryColor} balloon",
                Accessory.Flag => $" with a {AccessoryColor} flag",
                _ => "",
            };
            string small = Small ? "small " : "";
            string facing = FacingLeft ? ", facing left" : "";
            return $"a {small}{body}{Kind.ToString().ToLowerInvariant()}{accessory}{facing}, {SceneText(Scene)}";
        }
    }

    /// <summary>The words for a scene.</summary>
    public static string SceneText(Scene scene) => scene switch
    {
        Scene.Grass => "on green grass",
        Scene.Beach => "on a beach",
        Scene.Night => "at night",
        Scene.Snow => "in the snow",
        Scene.Bricks => "by a brick wall",
        Scene.Water => "under water",
        Scene.Desert => "in a desert",
        Scene.City => "in a city",
        _ => "on a white background",
    };
}
